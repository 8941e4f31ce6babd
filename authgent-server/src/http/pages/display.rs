//! Makes text that strangers chose fit to be shown to a person who decides by it.
//!
//! A client's name is whatever its registration said. HTML escaping stops markup, but not characters that
//! are invisible, reverse the text around them, or bury it: `Claude\u{200b}`, or a right-to-left override
//! that makes `moc.live` read as a trusted name. Those are removed here. Look-alike letters of other
//! alphabets stay: no rule tells a honest Cyrillic name from a false one, which is why the consent page
//! never asks anybody to decide by the name alone.

/// Longest name shown, in characters; the rest becomes an ellipsis.
const NAME_LIMIT: usize = 60;

/// In place of a name with nothing to see in it; the same in every language.
const NO_NAME: &str = "[?]";

/// A name as shown in headings: one line, nothing invisible, at most 60 characters, never empty.
pub fn display_name(raw: &str) -> String {
    let line = display_line(raw);
    if line.is_empty() {
        return NO_NAME.to_owned();
    }
    if line.chars().count() <= NAME_LIMIT {
        return line;
    }
    let head: String = line.chars().take(NAME_LIMIT - 1).collect();
    format!("{}…", head.trim_end())
}

/// Text as shown in running lines: one line, nothing invisible, whole.
///
/// Never cut short: an address whose end is missing can hide the host that matters.
pub fn display_line(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut space_due = false;
    let mut marks = 0;
    for c in raw.chars() {
        if c.is_whitespace() || c.is_control() || is_blank(c) {
            space_due = true;
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        // Two marks on one letter are ordinary (Vietnamese); a tower of them covers the lines around it.
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks > 2 {
            continue;
        }
        if space_due && !out.is_empty() {
            out.push(' ');
        }
        space_due = false;
        out.push(if is_private_use(c) { char::REPLACEMENT_CHARACTER } else { c });
    }
    out
}

/// Characters that draw nothing but take up room, so they count as space.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// Characters that draw nothing: direction controls, joiners, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{034f}'
            | '\u{061c}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The blocks that Unicode sets aside for combining diacritical marks.
fn is_combining_mark(c: char) -> bool {
    matches!(
        c,
        '\u{0300}'..='\u{036f}'
            | '\u{0483}'..='\u{0489}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Private use: a font may draw anything here, a company's logo for instance.
fn is_private_use(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// The functions above as template filters: `{{ client_name|name }}`, `{{ redirect_host|line }}`.
#[expect(unreachable_pub, reason = "the attribute makes each filter a `pub` item of its own")]
pub(super) mod filters {
    use std::fmt::Display;

    use askama::{Result, Values, filter_fn};

    pub use crate::http::pages::texts::sentence::filters::{with, with_line, with_link, with_name, with_text};

    /// [`display_name`](super::display_name) as a filter.
    #[filter_fn]
    pub fn name(value: impl Display, _: &dyn Values) -> Result<String> {
        Ok(super::display_name(&value.to_string()))
    }

    /// [`display_line`](super::display_line) as a filter.
    #[filter_fn]
    pub fn line(value: impl Display, _: &dyn Values) -> Result<String> {
        Ok(super::display_line(&value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_of_all_scripts_stay() {
        for name in ["Claude", "VS Code (Insiders)", "Việt Nam ứng dụng", "مساعد", "助手", "Zoë’s \"agent\" & co"]
        {
            assert_eq!(display_name(name), name);
        }
    }

    #[test]
    fn direction_controls_and_invisible_characters_vanish() {
        assert_eq!(display_name("\u{202e}edualC\u{202c}"), "edualC");
        assert_eq!(display_name("\u{2066}Cl\u{200b}au\u{00ad}de\u{2069}\u{feff}"), "Claude");
        assert_eq!(display_name("Cl\u{e0061}\u{fe0f}aude\u{200d}"), "Claude");
    }

    #[test]
    fn whitespace_of_any_kind_becomes_one_space() {
        assert_eq!(display_name(" a\r\n\tb\u{2028}\u{3000}\u{2800}c\u{0}\u{a0}"), "a b c");
        assert_eq!(display_name("\u{3164}\u{200b} \n"), NO_NAME);
        assert_eq!(display_name(""), NO_NAME);
    }

    #[test]
    fn towers_of_marks_are_cut_and_private_use_is_visible() {
        assert_eq!(display_name(&format!("e{}", "\u{301}".repeat(50))), "e\u{301}\u{301}");
        assert_eq!(display_name("\u{f8ff} Store"), "\u{fffd} Store");
    }

    #[test]
    fn long_names_end_in_an_ellipsis_and_lines_stay_whole() {
        let long = "ü".repeat(200);
        assert_eq!(display_name(&long).chars().count(), 60);
        assert!(display_name(&long).ends_with('…'));
        assert_eq!(display_line(&long), long);
    }
}
