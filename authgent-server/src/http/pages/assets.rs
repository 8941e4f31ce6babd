//! The static files of the pages, compiled into the binary.
//!
//! They are served at `/assets/VERSION/NAME`, where the version is a digest of their content: a browser may
//! keep them for ever, and a new release is seen at once.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use crate::domain::Branding;

/// Folder of the files, below the issuer's path. The route is `/assets/{version}/{name}`.
pub const FOLDER: &str = "/assets";

/// Name of the style sheet with the operator's accent colour, where there is one.
pub const BRAND_STYLES: &str = "brand.css";

/// One static file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// File name, the last segment of its path.
    pub name: &'static str,
    /// Value of its `Content-Type`.
    pub content_type: &'static str,
    /// Content.
    pub body: &'static [u8],
}

/// Every static file there is.
pub static ASSETS: [Asset; 3] = [
    Asset {
        name: "authgent.css",
        content_type: "text/css; charset=utf-8",
        body: include_bytes!("../../../static/authgent.css"),
    },
    Asset {
        name: "passkeys.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_bytes!("../../../static/passkeys.js"),
    },
    Asset { name: "logo.svg", content_type: "image/svg+xml", body: include_bytes!("../../../static/logo.svg") },
];

static VERSION: LazyLock<String> = LazyLock::new(|| digest(&ASSETS));

/// Version of all files together: the first 16 hexadecimal digits of a SHA-256 over them.
pub fn version() -> &'static str {
    &VERSION
}

/// Path of a file below the issuer's path, for example `/assets/3f…/logo.svg`.
pub fn path(name: &str) -> String {
    format!("{FOLDER}/{}/{name}", version())
}

/// The file of this name, if there is one. The version in the path does not matter here: see
/// [`cache_control`].
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Value of `Cache-Control` for a request that named this version.
///
/// While several replicas are updated one by one, a page of the new release may ask a replica of the old
/// one for its style sheet. It gets what there is, a page without style being worse, but must not keep it.
pub fn cache_control(requested_version: &str) -> &'static str {
    if requested_version == version() { KEPT } else { PASSING }
}

/// The same for a file of the operator's.
pub fn brand_cache_control(branding: &Branding, requested_version: &str) -> &'static str {
    if requested_version == branding.version() { KEPT } else { PASSING }
}

const KEPT: &str = "public, max-age=31536000, immutable";
const PASSING: &str = "no-cache";

fn digest(assets: &[Asset]) -> String {
    let mut hash = Sha256::new();
    for asset in assets {
        hash.update(asset.name.as_bytes());
        hash.update([0]);
        hash.update(asset.body);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_at_its_versioned_path() {
        assert_eq!(version().len(), 16);
        for asset in &ASSETS {
            assert_eq!(path(asset.name), format!("/assets/{}/{}", version(), asset.name));
            assert_eq!(find(asset.name), Some(asset));
        }
        assert_eq!(find("../Cargo.toml"), None);
    }

    #[test]
    fn the_version_follows_the_content() {
        let mut changed = ASSETS;
        changed[0].body = b"body{}";
        assert_ne!(digest(&changed), digest(&ASSETS));
    }

    #[test]
    fn only_the_right_version_is_kept_for_ever() {
        assert!(cache_control(version()).contains("immutable"));
        assert_eq!(cache_control("0000000000000000"), "no-cache");
    }
}
