//! Which known name was probably meant by an unknown one.

/// The candidate with the smallest edit distance to `name`; the first of several. One that only goes on where `name` ends
/// counts as near: `token` means `token_ttl` rather than `port`.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = |candidate: &&str| if candidate.starts_with(name) { 1 } else { distance(name, candidate) };
    candidates.into_iter().min_by_key(far)
}

/// Levenshtein's distance: how many characters must be inserted, removed or replaced.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("TTL", "TLL", 1), ("é", "e", 1)]
        {
            assert_eq!((distance(left, right), distance(right, left)), (expected, expected), "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_name() {
        assert_eq!(nearest("tokn_ttl", ["code_ttl", "token_ttl", "port"]), Some("token_ttl"));
        assert_eq!(nearest("token", ["port", "token_ttl"]), Some("token_ttl"));
        assert_eq!(nearest("x", []), None);
    }
}
