//! Randomness that a seed repeats: `SplitMix64`, the same on every machine and with every version of every crate. Nothing that
//! has to be secret is made of it.

/// A sequence of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own, for somebody whose numbers shall not depend on who else takes some.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.number())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `limit` - 1; 0 where the limit is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.number() % limit }
    }

    /// A place in a list; `None` where it is empty.
    pub(crate) fn index(&mut self, length: usize) -> Option<usize> {
        let length = u64::try_from(length).ok().filter(|length| *length > 0)?;
        usize::try_from(self.below(length)).ok()
    }

    /// `true` in `percent` of a hundred cases.
    pub(crate) fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// At most `most` of a list, each of its members as likely as any other.
    pub(crate) fn sample<T: Clone>(&mut self, list: &[T], most: usize) -> Vec<T> {
        let mut order: Vec<usize> = (0..list.len()).collect();
        let taken = most.min(list.len());
        for place in 0..taken {
            let offset = self.index(order.len() - place).unwrap_or(0);
            order.swap(place, place + offset);
        }
        order[..taken].iter().map(|place| list[*place].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself() {
        let numbers = |seed| {
            let mut seeded = Seeded::new(seed);
            (seeded.number(), seeded.fork().number(), seeded.below(7))
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert_eq!(
            Seeded::new(0).number(),
            0xE220_A839_7B1D_CDAF,
            "the first number that the algorithm is published with"
        );
    }

    #[test]
    fn a_sample_has_no_member_twice() {
        let mut sample = Seeded::new(3).sample(&[1, 2, 3, 4, 5], 4);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 4);
        assert_eq!(Seeded::new(3).sample(&[1], 4), [1]);
    }
}
