//! What holds for the texts of every language.

use std::collections::BTreeSet;

use super::{ALL, DE, EN, Texts};

/// Texts that are the same in English and German, and meant to be.
const SAME: [&str; 5] = ["App", "Apps", "Name", "Passkeys", "Server"];

/// Field name and text of everything in a language, in the order of the declaration.
fn list(texts: &Texts) -> Vec<(String, String)> {
    format!("{texts:#?}")
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\",")?.split_once(": \""))
        .map(|(name, text)| (name.to_owned(), text.replace("\\\"", "\"")))
        .collect()
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
}

#[test]
fn every_text_is_there_and_translated() {
    let (english, german) = (list(&EN), list(&DE));
    assert!(english.len() > 100, "the list is read from the debug form");
    assert_eq!(english.len(), german.len());
    for ((name, en), (german_name, de)) in english.iter().zip(&german) {
        assert_eq!(name, german_name);
        assert!(!en.trim().is_empty() && !de.trim().is_empty(), "{name} is empty");
        assert!(en != de || SAME.contains(&en.as_str()), "{name} is not translated: {en}");
    }
}

#[test]
fn every_language_has_the_same_values() {
    for ((name, en), (_, de)) in list(&EN).iter().zip(&list(&DE)) {
        assert_eq!(placeholders(en), placeholders(de), "{name}");
    }
}

#[test]
fn texts_are_typeset_and_hold_no_markup() {
    for texts in ALL {
        for (name, text) in list(texts) {
            assert!(!text.contains(['<', '>', '&', '\'', '"']), "{} {name}: {text}", texts.lang);
            assert!(!text.contains("  ") && text.trim() == text, "{} {name}: {text}", texts.lang);
        }
    }
}

#[test]
fn german_says_sie() {
    for (name, text) in list(&DE) {
        let words = text.split(|c: char| !c.is_alphabetic());
        for word in words {
            let familiar = ["du", "dich", "dir", "dein", "deine", "deinem", "deinen", "deiner"];
            assert!(!familiar.contains(&word.to_lowercase().as_str()), "{name}: {text}");
        }
    }
}

/// Templates hold no text of their own: what is left without tags, expressions and statements is no letter.
#[test]
fn no_template_holds_text() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let template = std::fs::read_to_string(&path).unwrap();
        // A block of class names.
        let mut text = without(&template, "{% block page_class %}", "{% endblock %}");
        for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<", ">")] {
            text = without(&text, open, close);
        }
        let left: Vec<_> = text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).collect();
        assert!(left.is_empty(), "{}: {left:?}", path.display());
        for attribute in ["aria-label=\"", "title=\"", "placeholder=\"", "alt=\""] {
            for value in template.split(attribute).skip(1) {
                assert!(value.starts_with(['"', '{']), "{}: {attribute}{value:.20}", path.display());
            }
        }
    }
}

fn without(text: &str, open: &str, close: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once(open) {
        out.push_str(before);
        rest = inside.split_once(close).map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}
