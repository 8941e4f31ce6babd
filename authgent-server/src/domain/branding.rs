//! What makes the pages the operator's own.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The operator's name, logo and colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branding {
    /// Name at the top of the pages, in mails and in authenticator apps.
    pub name: String,
    /// Logo, where the operator has one.
    pub logo: Option<Logo>,
    /// Red, green and blue of the accent colour, where the operator has one.
    pub accent: Option<[u8; 3]>,
}

/// A picture that the operator gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// What kind it is.
    pub kind: LogoKind,
    /// Content.
    pub body: Vec<u8>,
}

/// The kinds of pictures that can be a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// Scalable Vector Graphics.
    Svg,
    /// Portable Network Graphics.
    Png,
}

impl LogoKind {
    /// Value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }

    /// Name of the file that it is served as.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Svg => "brand-logo.svg",
            Self::Png => "brand-logo.png",
        }
    }
}

/// The content of a picture says nothing in a log.
impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logo").field("kind", &self.kind).field("bytes", &self.body.len()).finish()
    }
}

impl Logo {
    /// Largest file, in bytes: a page should not wait for its logo.
    pub const LIMIT: usize = 256 * 1024;

    /// A logo of the content of a file; its kind is read there, not in the file's name.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence about the file.
    pub fn new(body: Vec<u8>) -> Result<Self, String> {
        if body.len() > Self::LIMIT {
            return Err(format!("is larger than {} bytes", Self::LIMIT));
        }
        let kind = if body.starts_with(b"\x89PNG\r\n\x1a\n") {
            LogoKind::Png
        } else if std::str::from_utf8(&body).is_ok_and(|text| text.contains("<svg")) {
            LogoKind::Svg
        } else {
            return Err("is neither an SVG nor a PNG".to_owned());
        };
        Ok(Self { kind, body })
    }
}

impl Default for Branding {
    fn default() -> Self {
        Self { name: "Authgent".to_owned(), logo: None, accent: None }
    }
}

impl Branding {
    /// A digest of all that is served as a file, for addresses that a browser may keep for ever.
    #[must_use]
    pub fn version(&self) -> String {
        let mut hash = Sha256::new();
        // What becomes of a colour is decided by the program.
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(self.accent.unwrap_or_default());
        hash.update(self.logo.as_ref().map(|logo| logo.body.as_slice()).unwrap_or_default());
        hash.finalize().iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_known_by_its_content() {
        assert_eq!(Logo::new(b"\x89PNG\r\n\x1a\nrest".to_vec()).unwrap().kind, LogoKind::Png);
        assert_eq!(Logo::new(b"<?xml version=\"1.0\"?><svg/>".to_vec()).unwrap().kind, LogoKind::Svg);
        assert!(Logo::new(b"<html>".to_vec()).unwrap_err().contains("neither"));
        assert!(Logo::new(b"\xff<svg".to_vec()).unwrap_err().contains("neither"));
        assert!(Logo::new(vec![b' '; Logo::LIMIT + 1]).unwrap_err().contains("larger than 262144 bytes"));
    }

    #[test]
    fn the_version_follows_colour_and_logo() {
        let plain = Branding::default();
        let green = Branding { accent: Some([0, 128, 0]), ..plain.clone() };
        let logo = Branding { logo: Some(Logo::new(b"<svg/>".to_vec()).unwrap()), ..plain.clone() };
        assert!(plain.version() != green.version() && plain.version() != logo.version());
        assert_eq!(plain.version().len(), 16);
    }
}
