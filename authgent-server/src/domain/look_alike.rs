//! Names that a person could take for one another: Unicode Technical Standard 39, section 4, and what people overlook
//! besides: case, spaces, punctuation, accents, characters that cannot be seen.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// So many characters of a name are looked at. A page shows fewer: nobody is deceived by what stands behind them.
const LONGEST: usize = 128;
/// What counts as a letter and is seen as nothing.
const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
/// Signs that normalization would turn into letters.
const SIGNS: [char; 3] = ['\u{2117}', '\u{2120}', '\u{2122}'];

/// How a name is like another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Read quickly, it is the same name.
    Same,
    /// The other name stands in it as words of their own: "Claude Official".
    Within,
}

/// A name as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Without its signs, and with those that are read as letters within a word (`Cl@ude`).
    forms: [String; 2],
    words: Vec<String>,
}

impl Name {
    /// Takes a name as a client gave it, of any length.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let plain = without_marks(&visible(name));
        let words = plain.split(|character: char| !character.is_alphanumeric()).map(form);
        let words = words.filter(|word| !word.is_empty()).collect();
        let with_signs: String = plain.chars().map(sign_as_letter).collect();
        Self { forms: [form(&plain), form(&with_signs)], words }
    }

    /// How this name is like `known`; `None` where nobody would take one for the other.
    #[must_use]
    pub fn likeness(&self, known: &Self) -> Option<Likeness> {
        let sought = known.forms[0].as_str();
        if sought.is_empty() {
            return None;
        }
        if self.forms.iter().any(|form| form == sought) {
            return Some(Likeness::Same);
        }
        let begins_here = |start: usize| {
            let mut left = sought;
            self.words[start..].iter().any(|word| {
                left = left.strip_prefix(word.as_str()).unwrap_or("\0");
                left.is_empty()
            })
        };
        (0..self.words.len()).any(begins_here).then_some(Likeness::Within)
    }
}

/// What can be seen of a name, a space for each run of signs, and no more of it than is looked at. What cannot be seen goes
/// first: it must not push the rest out of what is looked at.
fn visible(name: &str) -> String {
    let mut plain = String::new();
    let seen = name.chars().filter(|character| !is_combining_mark(*character) && !FILLERS.contains(character));
    for character in seen {
        let is_letter = character.is_alphanumeric() && !SIGNS.contains(&character);
        let is_read_as_letter = sign_as_letter(character) != character;
        if is_letter || is_read_as_letter {
            plain.push(character);
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
        if plain.chars().count() >= LONGEST {
            break;
        }
    }
    plain
}

/// Compatibility forms become the letters that they stand for, and accents fall.
fn without_marks(text: &str) -> String {
    text.nfkd().filter(|character| !is_combining_mark(*character)).nfkc().collect()
}

const fn sign_as_letter(character: char) -> char {
    match character {
        '@' => 'a',
        '$' => 's',
        '!' | '|' => 'l',
        other => other,
    }
}

/// The form in which look-alikes are equal. Letters and digits alone; of those that share a shape one stands for all. The
/// skeleton is taken before and after lower case, because some letters share their shape as capitals and some as small ones.
fn form(plain: &str) -> String {
    let shapes: String = skeleton(plain).collect();
    let small: String = shapes.to_lowercase().chars().map(small_capital).collect();
    skeleton(&small)
        .filter(|character| character.is_alphanumeric() && !is_combining_mark(*character))
        .map(|character| match character {
            'i' | '1' | 'l' => 'l',
            '0' | 'o' => 'o',
            other => other,
        })
        .collect()
}

/// Small capitals are letters of their own, of which the table of confusables knows a few only.
const fn small_capital(character: char) -> char {
    match character {
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ɪ' => 'i',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ꞯ' => 'q',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn likeness(name: &str, known: &str) -> Option<Likeness> {
        Name::new(name).likeness(&Name::new(known))
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for name in [
            "Claude",
            "claude",
            "CLAUDE",
            "C1aude",
            "CIaude",
            "Сl\u{430}ude",
            "СlaudE",
            "Cla ude",
            " C-l-a-u-d-e! ",
            "Claude\u{200b}",
            "\u{202e}Claude\u{202c}",
            "\u{ff43}\u{ff4c}\u{ff41}\u{ff55}\u{ff44}\u{ff45}",
            "𝐂𝐥𝐚𝐮𝐝𝐞",
            "Ⅽlaude",
            "Cláude",
            "Claude™",
            "Claude\u{2120}",
            "Claude\u{317}",
            "C\u{363}laude",
            "ᴄʟᴀᴜᴅᴇ",
            "Cl@ude",
            "C!aude",
            "C|aude",
            "Claude!",
        ] {
            assert_eq!(likeness(name, "Claude"), Some(Likeness::Same), "{name:?}");
        }
        assert_eq!(likeness("VS  Code", "VS Code"), Some(Likeness::Same));
        assert_eq!(likeness("Visual Studio C0de", "Visual Studio Code"), Some(Likeness::Same));
    }

    #[test]
    fn a_name_within_another_is_said_to_be_there() {
        for name in ["Claude Official", "The real CIaude", "Claude's Garden", "my-claude-app", "Claude (beta)"] {
            assert_eq!(likeness(name, "Claude"), Some(Likeness::Within), "{name}");
        }
        assert_eq!(likeness("Get Claude Code now", "Claude Code"), Some(Likeness::Within));
    }

    #[test]
    fn other_names_are_other_names() {
        for name in ["Claudette", "Claud", "Aude", "Cloud", "", "!!!", "ChatGPT", "Нечто"] {
            assert_eq!(likeness(name, "Claude"), None, "{name}");
        }
        assert_eq!(likeness("Claude", "Claude Code"), None);
        assert_eq!(likeness("anything", "\u{200b}"), None, "a name without letters is like nothing");
    }

    #[test]
    fn length_hides_nothing_and_costs_nothing() {
        let padded = format!("Cl{}aude", "\u{200b}".repeat(500));
        assert_eq!(likeness(&padded, "Claude"), Some(Likeness::Same));
        let marks = format!("Claude{}", "\u{301}".repeat(2000));
        assert_eq!(likeness(&marks, "Claude"), Some(Likeness::Same));
        // Each of these becomes eighteen characters when it is normalized.
        let (long, known) = (Name::new(&"\u{fdfa}".repeat(2048)), Name::new("Claude"));
        let time = |name: &Name| {
            let begun = std::time::Instant::now();
            assert!((0..500).all(|_| name.likeness(&known).is_none()));
            begun.elapsed()
        };
        // Against a name of the greatest length that is looked at, on the same machine at the same moment: the rest is cut.
        let usual = time(&Name::new(&"\u{fdfa}".repeat(64)));
        assert!(time(&long) < usual * 20 + std::time::Duration::from_millis(200), "{usual:?}");
    }

    proptest! {
        #[test]
        fn sameness_is_mutual(one in "[CcСсᴄ][Il1|іⅼ][aаA@][\u{200b} -]?x?", other in "[CcСсᴄ][Il1іⅼ][aаA][\u{200b} -]?x?") {
            let same = |a: &str, b: &str| Name::new(a).forms[0] == Name::new(b).forms[0];
            prop_assert_eq!(same(&one, &other), same(&other, &one));
            let x = |name: &str| name.ends_with('x');
            if !one.contains(['|', '@']) {
                prop_assert_eq!(likeness(&one, &other) == Some(Likeness::Same), x(&one) == x(&other));
            }
        }

        #[test]
        fn nothing_panics_and_a_name_is_like_itself(one in ".{0,12}", other in ".{0,12}") {
            let _ = likeness(&one, &other);
            let itself = Name::new(&one);
            prop_assert!(itself.likeness(&itself).is_some() || itself.forms[0].is_empty());
        }

        #[test]
        fn case_and_spaces_hide_nothing(name in "[a-zA-Z]{3,9}", at in 0_usize..3) {
            let (head, tail) = name.split_at(at);
            let changed = format!("{}  {}", head.to_uppercase(), tail.to_lowercase());
            prop_assert_eq!(likeness(&changed, &name), Some(Likeness::Same));
        }
    }
}
