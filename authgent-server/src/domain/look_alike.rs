//! Names that a person could take for one another: Unicode Technical Standard 39, section 4, and what people overlook
//! besides: case, spaces, punctuation, characters that cannot be seen.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// How a name is like another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Read quickly, it is the same name.
    Same,
    /// The other name stands in it as words of their own: "Claude Official".
    Within,
}

/// How `name` is like `known`; `None` where nobody would take one for the other.
#[must_use]
pub fn likeness(name: &str, known: &str) -> Option<Likeness> {
    let sought = form(known);
    if sought.is_empty() {
        return None;
    }
    if form(name) == sought {
        return Some(Likeness::Same);
    }
    let words: Vec<String> = name
        .nfkc()
        .collect::<String>()
        .split(|character: char| !character.is_alphanumeric())
        .map(form)
        .filter(|word| !word.is_empty())
        .collect();
    let begins_here = |start: usize| {
        let mut run = String::new();
        words[start..].iter().any(|word| {
            run.push_str(word);
            run == sought
        })
    };
    (0..words.len()).any(begins_here).then_some(Likeness::Within)
}

/// The form in which look-alikes are equal. Letters and digits alone; of those that share a shape one stands for all. The
/// skeleton is taken before and after lower case, because some letters share their shape as capitals and some as small ones.
fn form(name: &str) -> String {
    let shapes: String = skeleton(&name.nfkc().collect::<String>()).collect();
    let small = shapes.to_lowercase();
    skeleton(&small)
        .filter(|character| character.is_alphanumeric())
        .map(|character| match character {
            'i' | '1' | 'l' => 'l',
            '0' | 'o' => 'o',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn sameness_is_mutual_and_nothing_panics(one in ".{0,12}", other in ".{0,12}") {
            let same = |a: &str, b: &str| likeness(a, b) == Some(Likeness::Same);
            prop_assert_eq!(same(&one, &other), same(&other, &one));
            prop_assert!(likeness(&one, &one).is_some() || form(&one).is_empty());
        }

        #[test]
        fn case_and_spaces_hide_nothing(name in "[a-zA-Z]{3,9}", at in 0_usize..3) {
            let (head, tail) = name.split_at(at);
            let changed = format!("{}  {}", head.to_uppercase(), tail.to_lowercase());
            prop_assert_eq!(likeness(&changed, &name), Some(Likeness::Same));
        }
    }
}
