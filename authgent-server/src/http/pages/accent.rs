//! The operator's accent colour as a style sheet of its own, for both themes.
//!
//! Whatever colour it is, text in it and on it stays readable: it is darkened for the light theme and lightened for the dark one
//! until its contrast is that of WCAG 2.2, section 1.4.3 (AA), and no further.

/// Least contrast of text.
const READABLE: f64 = 4.5;
/// The grounds that the accent stands on: `--page` and `--surface` of the style sheet, the light theme first.
const LIGHT: [[u8; 3]; 2] = [[0xf4, 0xf5, 0xf2], [0xff, 0xff, 0xff]];
const DARK: [[u8; 3]; 3] = [[0x10, 0x15, 0x13], [0x19, 0x20, 0x1d], [0x13, 0x19, 0x17]];
const BLACK: [u8; 3] = [0, 0, 0];
const WHITE: [u8; 3] = [255, 255, 255];
/// Text on the accent in the dark theme.
const INK: [u8; 3] = [0x0b, 0x0f, 0x0e];

/// The style sheet for an accent colour.
pub fn style_sheet(accent: [u8; 3]) -> String {
    let light = readable(accent, BLACK, &LIGHT);
    let dark = readable(accent, WHITE, &DARK);
    let root = |accent, strong, on| {
        format!(":root{{--accent:{};--accent-strong:{};--on-accent:{}}}", hex(accent), hex(strong), hex(on))
    };
    format!(
        "{}\n@media (prefers-color-scheme:dark){{{}}}\n",
        root(light, mix(light, BLACK, 25), WHITE),
        root(dark, mix(dark, WHITE, 30), INK)
    )
}

/// The colour, mixed with another as little as makes it readable on every ground.
fn readable(colour: [u8; 3], with: [u8; 3], grounds: &[[u8; 3]]) -> [u8; 3] {
    let mixed = (0..=100).map(|percent| mix(colour, with, percent));
    mixed.into_iter().find(|mixed| grounds.iter().all(|ground| contrast(*mixed, *ground) >= READABLE)).unwrap_or(with)
}

fn mix(colour: [u8; 3], with: [u8; 3], percent: u16) -> [u8; 3] {
    std::array::from_fn(|at| {
        let mixed = u16::from(colour[at]) * (100 - percent) + u16::from(with[at]) * percent;
        u8::try_from(mixed / 100).unwrap_or(u8::MAX)
    })
}

/// Contrast ratio of WCAG 2.2.
pub(super) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [r, g, b] = colour.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126f64.mul_add(r, 0.7152f64.mul_add(g, 0.0722 * b))
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_colour_becomes_readable_in_both_themes() {
        let channels = [0u8, 51, 102, 128, 153, 204, 255];
        for (r, g, b) in channels.iter().flat_map(|r| channels.iter().flat_map(move |g| channels.map(|b| (*r, *g, b))))
        {
            let light = readable([r, g, b], BLACK, &LIGHT);
            let dark = readable([r, g, b], WHITE, &DARK);
            for (front, ground) in [
                (light, LIGHT[0]),
                (light, LIGHT[1]),
                (WHITE, light),
                (WHITE, mix(light, BLACK, 25)),
                (dark, DARK[0]),
                (dark, DARK[1]),
                (dark, DARK[2]),
                (INK, dark),
                (INK, mix(dark, WHITE, 30)),
            ] {
                assert!(contrast(front, ground) >= READABLE, "{r} {g} {b}: {front:?} on {ground:?}");
            }
        }
    }

    #[test]
    fn a_readable_colour_stays_what_it_is() {
        let css = style_sheet([0x0b, 0x6b, 0x57]);
        assert!(css.starts_with(":root{--accent:#0b6b57;--accent-strong:#"), "{css}");
        assert!(css.contains("--on-accent:#ffffff") && css.contains("prefers-color-scheme:dark"), "{css}");
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!("../../../static/authgent.css");
        for ground in LIGHT.into_iter().chain(DARK) {
            assert!(css.contains(&format!(": {};", hex(ground))), "{}", hex(ground));
        }
    }
}
