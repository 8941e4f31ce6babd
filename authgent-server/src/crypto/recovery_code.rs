//! Recovery codes: for whoever has lost the authenticator app. Each is good once.

use super::hash::token_hash;
use super::random::Random;
use super::totp::in_groups;
use crate::domain::TokenHash;

/// How many a person is given.
pub const COUNT: usize = 10;
/// Crockford's Base32: no letter that reads as a digit, and none that makes words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of five bits each: 80 bits, which nobody can try even with the hash in hand.
const LENGTH: usize = 16;

/// A new code, in groups of four, and the hash that is stored in its place.
#[must_use]
pub fn generate(random: &dyn Random) -> (String, TokenHash) {
    let mut bytes = [0; LENGTH];
    random.fill(&mut bytes);
    // 256 is a multiple of 32: each character is as likely as the others.
    let code: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    (in_groups(&code, "-"), token_hash(&code))
}

/// The hash of a code as a person types it: in either case, grouped or not, with letters for the digits that they look
/// like. `None` where it can be no code.
#[must_use]
pub fn hash(typed: &str) -> Option<TokenHash> {
    let mut code = String::with_capacity(LENGTH);
    for c in typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2014}')) {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if code.len() == LENGTH || !u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte)) {
            return None;
        }
        code.push(c);
    }
    (code.len() == LENGTH).then(|| token_hash(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemRandom;
    use std::collections::HashSet;

    #[test]
    fn codes_are_grouped_differ_and_read_back() {
        let mut seen = HashSet::new();
        for _ in 0..200 {
            let (code, stored) = generate(&SystemRandom);
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
            assert_eq!(hash(&code), Some(stored));
            assert!(seen.insert(code));
        }
    }

    #[test]
    fn people_type_codes_in_their_own_way() {
        let expected = hash("0123-1567-89AB-CDEF");
        assert!(expected.is_some());
        for typed in ["0123156789abcdef", " o123 i567 89ab cdef\n", "o123-L567-89aB-CdEf", "0123–1567–89AB–CDEF"]
        {
            assert_eq!(hash(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_has_no_hash() {
        for typed in
            ["", "0123", "0123-1567-89AB-CDE", "0123-1567-89AB-CDEFG", "0123-1567-89AB-CDEU", "٠123-1567-89AB-CDEF"]
        {
            assert_eq!(hash(typed), None, "{typed}");
        }
    }
}
