//! What is loaded before the C library, so that a program's calls into the kernel go through it.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the library `name` of its C `source` in `directory`, for `LD_PRELOAD`. Needs `cc`, as Authgent does.
///
/// # Errors
/// Where it cannot be written, or compiled.
pub fn library(name: &str, source: &str, directory: &Path) -> Result<PathBuf> {
    let (file, library) = (directory.join(format!("{name}.c")), directory.join(format!("{name}.so")));
    std::fs::write(&file, source)?;
    let mut compiler = Command::new("cc");
    let compiled = compiler.args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &file]).arg("-ldl").status();
    let compiled = compiled.context("cc")?;
    ensure!(compiled.success(), "cc: {compiled}");
    Ok(library)
}
