//! Whether an RSA key is a sound one: a weak one signs as well as any other, and so nobody would notice.

use openssl::bn::{BigNum, BigNumRef};
use openssl::error::ErrorStack;
use openssl::pkey::Private;
use openssl::rsa::RsaRef;
use std::fmt;

/// The shortest public exponent, in bits: with 17 an odd one is 65537 or larger.
const SHORTEST_EXPONENT: i32 = 17;
/// The longest, in bits.
const LONGEST_EXPONENT: i32 = 256;
/// Primes that begin with so many equal bits, or nearly so, are found by whoever begins to look at the square root of the modulus.
const EQUAL_BITS: i32 = 100;

/// What is wrong with an RSA key (FIPS 186-5, section A.1.1). Nothing private of the key is in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RsaFault {
    /// With a small one, a mistake anywhere in padding or its check gives the signature away.
    #[error("its public exponent is {0}, but must be 65537 or larger")]
    SmallExponent(String),
    /// No even number is one.
    #[error("its public exponent is even")]
    EvenExponent,
    /// Longer ones are not understood everywhere.
    #[error("its public exponent has {0} bits, but must have {LONGEST_EXPONENT} at most")]
    LargeExponent(i32),
    /// What it is made of is not there, so that nothing can be checked.
    #[error("it does not hold its two primes")]
    NoPrimes,
    /// The shorter one is found easily, or there are more than two.
    #[error("its primes have {p} and {q} bits, but must both be half as long as its modulus of {modulus} bits")]
    UnequalPrimes {
        /// Bits of the first.
        p: i32,
        /// Bits of the second.
        q: i32,
        /// Bits of their product.
        modulus: i32,
    },
    /// They are one number, or neighbours.
    #[error("its two primes are equal or too close to each other: whoever has the public key can find them")]
    ClosePrimes,
    /// OpenSSL's own check: the primes are prime, and all numbers belong together.
    #[error("its numbers do not make an RSA key ({0})")]
    NoKey(Reasons),
}

/// What OpenSSL says, in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons(Vec<&'static str>);

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("OpenSSL does not say why") } else { f.write_str(&self.0.join(", ")) }
    }
}

impl From<ErrorStack> for RsaFault {
    fn from(errors: ErrorStack) -> Self {
        Self::NoKey(Reasons(errors.errors().iter().filter_map(openssl::error::Error::reason).collect()))
    }
}

/// Checks everything but the length. What is cheap and says most comes first.
pub(super) fn check(key: &RsaRef<Private>) -> Result<(), RsaFault> {
    check_exponent(key.e())?;
    let (Some(p), Some(q)) = (key.p(), key.q()) else { return Err(RsaFault::NoPrimes) };
    check_primes(p, q, key.n().num_bits())?;
    if key.check_key()? { Ok(()) } else { Err(RsaFault::NoKey(Reasons(Vec::new()))) }
}

fn check_exponent(e: &BigNumRef) -> Result<(), RsaFault> {
    if e.num_bits() < SHORTEST_EXPONENT {
        return Err(RsaFault::SmallExponent(e.to_dec_str()?.to_string()));
    }
    if !e.is_bit_set(0) {
        return Err(RsaFault::EvenExponent);
    }
    if e.num_bits() > LONGEST_EXPONENT {
        return Err(RsaFault::LargeExponent(e.num_bits()));
    }
    Ok(())
}

fn check_primes(p: &BigNumRef, q: &BigNumRef, modulus: i32) -> Result<(), RsaFault> {
    // Of a modulus with an odd number of bits, one is longer by one.
    let (shorter, longer) = (modulus / 2, modulus - modulus / 2);
    if [p, q].iter().any(|prime| !(shorter..=longer).contains(&prime.num_bits())) {
        return Err(RsaFault::UnequalPrimes { p: p.num_bits(), q: q.num_bits(), modulus });
    }
    let mut distance = BigNum::new()?;
    distance.checked_sub(p, q)?;
    let bits = distance.num_bits();
    distance.clear();
    if bits > shorter - EQUAL_BITS { Ok(()) } else { Err(RsaFault::ClosePrimes) }
}

#[cfg(test)]
#[path = "rsa_key_tests.rs"]
mod tests;
