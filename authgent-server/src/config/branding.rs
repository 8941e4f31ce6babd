//! Settings of how the pages look.

use super::error::ConfigError;
use super::values::Values;
use std::path::PathBuf;

/// How the pages look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandingConfig {
    /// Name at the top of the pages.
    pub name: String,
    /// Where the logo is.
    pub logo: Option<PathBuf>,
    /// Red, green and blue of the accent colour.
    pub accent_color: Option<[u8; 3]>,
}

/// Longest name, in characters: more does not fit beside a logo on a phone.
const NAME_LIMIT: usize = 40;

pub(super) fn branding(values: &Values) -> Result<BrandingConfig, ConfigError> {
    let name = values.text_or_default("name")?;
    if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        let problem = format!("must be a name of 1 to {NAME_LIMIT} characters on one line");
        return Err(values.wrong("name", problem));
    }
    let accent_color = values.text("accent_color")?.map(|text| {
        let problem = || format!("must be a colour as #rrggbb, and {text:?} is none");
        colour(&text).ok_or_else(|| values.wrong("accent_color", problem()))
    });
    Ok(BrandingConfig { name, logo: values.text("logo")?.map(PathBuf::from), accent_color: accent_color.transpose()? })
}

fn colour(text: &str) -> Option<[u8; 3]> {
    let hex = text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let channel = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Loaded};

    fn load(name: &str, value: &str) -> Result<Loaded, ConfigError> {
        let variables = [
            ("AUTHGENT_ISSUER", "https://auth.example.com"),
            ("AUTHGENT_SIGNING_KEY", "/key.pem"),
            ("AUTHGENT_DB_DSN", "sqlite:///x.db"),
            (name, value),
        ];
        Config::load(None, variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn without_settings_the_pages_are_authgents_own() {
        let branding = load("AUTHGENT_PORT", "8080").unwrap().config.branding;
        assert_eq!(branding, BrandingConfig { name: "Authgent".to_owned(), logo: None, accent_color: None });
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        let branding = load("AUTHGENT_ACCENT_COLOR", "#C0ffee").unwrap().config.branding;
        assert_eq!(branding.accent_color, Some([0xc0, 0xff, 0xee]));
        for wrong in ["red", "#fff", "#12345", "#1234567", "c0ffee", "#c0ffeg", "#+1+1+1", "#é2345", "rgb(0,0,0)"] {
            let sentence = load("AUTHGENT_ACCENT_COLOR", wrong).unwrap_err().to_string();
            assert!(sentence.contains("AUTHGENT_ACCENT_COLOR must be a colour as #rrggbb"), "{sentence}");
        }
    }

    #[test]
    fn a_name_fits_beside_a_logo() {
        assert_eq!(load("AUTHGENT_NAME", " Example Corp ").unwrap().config.branding.name, "Example Corp");
        for wrong in ["x".repeat(41), "a\nb".to_owned()] {
            let sentence = load("AUTHGENT_NAME", &wrong).unwrap_err().to_string();
            assert!(sentence.contains("AUTHGENT_NAME must be a name"), "{sentence}");
        }
    }
}
