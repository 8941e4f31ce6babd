//! Writes every page with sample data to a folder, in every language, to look at them without running a server.
//!
//! ```text
//! cargo run -p authgent-server --example preview_pages -- target/pages
//! python3 -m http.server --directory target/pages
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context as _;
use authgent_server::http::pages::{accent, assets, samples, texts};

fn main() -> anyhow::Result<()> {
    let folder: PathBuf =
        env::args_os().nth(1).context("name the folder to write to, for example: preview_pages target/pages")?.into();
    let mut index = "<!doctype html>\n<html lang=\"en\">\n<title>Pages</title>\n<ul>\n".to_owned();
    for texts in texts::ALL {
        for (name, html) in samples::all_in(texts)? {
            let file = format!("{name}.{}.html", texts.lang);
            write_file(&folder.join(&file), html.as_bytes())?;
            writeln!(index, "<li><a href=\"{file}\">{name}, {}</a></li>", texts.lang)?;
        }
    }
    write_file(&folder.join("index.html"), index.as_bytes())?;
    for asset in &assets::ASSETS {
        let path = assets::path(asset.name);
        write_file(&folder.join(path.trim_start_matches('/')), asset.body)?;
    }
    write_branding(&folder)?;
    println!("{}", folder.join("index.html").display());
    Ok(())
}

/// The files of the pages that show an operator's name, logo and colour.
fn write_branding(folder: &Path) -> anyhow::Result<()> {
    let branding = samples::branding();
    let folder = folder.join("assets").join(branding.version());
    if let Some(accent) = branding.accent {
        write_file(&folder.join(assets::BRAND_STYLES), accent::style_sheet(accent).as_bytes())?;
    }
    if let Some(logo) = branding.logo {
        write_file(&folder.join(logo.kind.file_name()), &logo.body)?;
    }
    Ok(())
}

fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
