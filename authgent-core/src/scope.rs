//! Scopes: RFC 6749, section 3.3.

use crate::text::{Parsed, serde_as_string};
use std::collections::BTreeSet;
use std::fmt;

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A token is empty where one was expected.
    #[error("a scope must not be empty")]
    Empty,
    /// A token holds a character outside `%x21 / %x23-5B / %x5D-7E`.
    #[error("the scope {0:?} holds a character other than printable ASCII without space, quote and backslash")]
    Character(String),
}

/// One scope, such as `mcp:read`: a `scope-token` of RFC 6749, section 3.3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeToken(String);

impl ScopeToken {
    /// Parses one scope token: one or more of `%x21 / %x23-5B / %x5D-7E`.
    ///
    /// # Errors
    /// [`ScopeError`] where it is empty or holds another character.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError::Character(text.to_owned()))
        }
    }

    /// The token as it is written on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ScopeToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Parsed for ScopeToken {
    type Error = ScopeError;
}
serde_as_string!(ScopeToken);

/// A set of scopes; on the wire one string with spaces between (RFC 6749, section 3.3).
///
/// The order on the wire has no meaning, so it is always written sorted: equal sets are equal strings.
/// An empty string parses to the empty set, because clients send `scope=` where they mean none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<ScopeToken>);

impl Scope {
    /// The empty set.
    #[must_use]
    pub const fn empty() -> Self {
        Self(BTreeSet::new())
    }

    /// Parses a space-separated list. Repeated tokens and repeated spaces are tolerated.
    ///
    /// # Errors
    /// [`ScopeError::Character`] naming the token that holds a forbidden character.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        text.split(' ').filter(|token| !token.is_empty()).map(ScopeToken::parse).collect()
    }

    /// Whether there is no scope in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of scopes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `token` is one of them.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every scope of `self` is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// The scopes of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).cloned().collect()
    }

    /// The scopes of `self` that `other` lacks.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.0.difference(&other.0).cloned().collect()
    }

    /// Adds one; `false` where it was there.
    pub fn insert(&mut self, token: ScopeToken) -> bool {
        self.0.insert(token)
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl IntoIterator for Scope {
    type Item = ScopeToken;
    type IntoIter = std::collections::btree_set::IntoIter<ScopeToken>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Scope {
    type Item = &'a ScopeToken;
    type IntoIter = std::collections::btree_set::Iter<'a, ScopeToken>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}

impl Parsed for Scope {
    type Error = ScopeError;
}
serde_as_string!(Scope);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scopes() -> impl Strategy<Value = Scope> {
        proptest::collection::btree_set("[a-e:]{1,2}", 0..6)
            .prop_map(|tokens| tokens.iter().map(|token| ScopeToken::parse(token).unwrap()).collect())
    }

    #[test]
    fn the_order_and_repetition_on_the_wire_mean_nothing() {
        let scope = Scope::parse("mcp:write  mcp:read mcp:write").unwrap();
        assert_eq!(scope.to_string(), "mcp:read mcp:write");
        assert_eq!(Scope::parse("").unwrap(), Scope::empty());
    }

    #[test]
    fn forbidden_characters_are_named() {
        for bad in ["a\"b", "a\\b", "a\tb", "é", "a\u{7f}"] {
            assert_eq!(Scope::parse(bad), Err(ScopeError::Character(bad.into())));
        }
        assert_eq!(ScopeToken::parse(""), Err(ScopeError::Empty));
    }

    proptest! {
        #[test]
        fn parsing_what_was_written_gives_the_same_set(scope in scopes()) {
            prop_assert_eq!(Scope::parse(&scope.to_string()).unwrap(), scope.clone());
            let json = serde_json::to_string(&scope).unwrap();
            prop_assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
        }

        #[test]
        fn the_algebra_holds(a in scopes(), b in scopes()) {
            let union = a.union(&b);
            let both = a.intersection(&b);
            prop_assert!(a.is_subset(&union) && b.is_subset(&union));
            prop_assert!(both.is_subset(&a) && both.is_subset(&b));
            prop_assert_eq!(a.difference(&b).union(&both), a.clone());
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.is_subset(&b), a.difference(&b).is_empty());
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            if let Ok(scope) = Scope::parse(&text) {
                prop_assert!(scope.iter().all(|token| text.contains(token.as_str())));
            }
        }
    }
}
