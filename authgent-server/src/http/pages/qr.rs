//! QR codes as the path of an SVG inside the page: nothing is loaded, and nothing stays in a cache.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// The light border that a reader needs, in modules (ISO/IEC 18004, section 6.3.8).
const QUIET: usize = 4;

/// A QR code.
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    /// Width and height with the border, in modules.
    pub size: usize,
    /// The dark modules, as the `d` of a path.
    pub path: String,
}

impl Qr {
    /// A QR code of a text; `None` where it is too long for one.
    pub fn new(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (y, row) in code.to_colors().chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run[0] == Color::Dark {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len());
                }
                x += run.len();
            }
        }
        Some(Self { size: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_has_every_dark_module() {
        let text = "otpauth://totp/auth.example.com:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let qr = Qr::new(text).unwrap();
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        assert_eq!(qr.size, code.width() + 8);
        let dark = code.to_colors().into_iter().filter(|color| *color == Color::Dark).count();
        let drawn: usize = qr
            .path
            .split('h')
            .skip(1)
            .step_by(2)
            .map(|rest| rest.split('v').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(drawn, dark);
        // The finder in the corner begins with seven dark modules.
        assert!(qr.path.starts_with("M4 4h7v1h-7z"));
        assert!(Qr::new(&"x".repeat(5000)).is_none());
    }
}
