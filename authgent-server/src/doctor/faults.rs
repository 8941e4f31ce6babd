//! Every fault that the doctor knows: its name, what was expected, whom it breaks, and how to mend it.

/// Declares the faults of one side, and the list of them all.
macro_rules! faults {
    ($($name:ident = $severity:ident $code:literal {
        title: $title:literal,
        expected: $expected:literal,
        breaks: $breaks:literal,
        remedy: $remedy:literal,
    })*) => {
        use crate::doctor::finding::{Fault, Severity};
        $(pub(in crate::doctor) const $name: Fault = Fault {
            code: $code,
            severity: Severity::$severity,
            title: $title,
            expected: $expected,
            breaks: $breaks,
            remedy: $remedy,
        };)*
        #[cfg(test)]
        pub(in crate::doctor) const ALL: &[&Fault] = &[$(&$name),*];
    };
}

pub(in crate::doctor) mod discovery;
pub(in crate::doctor) mod endpoints;
pub(in crate::doctor) mod server;
pub(in crate::doctor) mod token;

#[cfg(test)]
mod tests {
    use super::{discovery, endpoints, server, token};
    use crate::doctor::finding::Fault;
    use std::collections::HashSet;

    fn all() -> impl Iterator<Item = &'static Fault> {
        [server::ALL, discovery::ALL, endpoints::ALL, token::ALL].into_iter().flatten().copied()
    }

    #[test]
    fn each_fault_has_a_name_of_its_own_and_a_remedy() {
        let mut codes = HashSet::new();
        for fault in all() {
            assert!(codes.insert(fault.code), "{} twice", fault.code);
            assert!(!fault.expected.is_empty() && !fault.remedy.is_empty(), "{}", fault.code);
            assert!(!fault.title.ends_with('.'), "{}", fault.code);
        }
    }

    #[test]
    fn the_guide_lists_each_fault() {
        let guide = include_str!("../../../docs/guides/doctor.md");
        for fault in all() {
            let row = format!("| `{}` | {} |", fault.code, format!("{:?}", fault.severity).to_lowercase());
            assert!(guide.contains(&row), "docs/guides/doctor.md lacks a row that begins with {row}");
        }
    }
}
