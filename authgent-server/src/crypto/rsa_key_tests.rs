use super::*;
use crate::crypto::pem::{KeyError, SigningAlgorithm, SigningKey};
use openssl::bn::BigNumContext;
use openssl::pkey::PKey;
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};

const USUAL: u32 = 65537;

fn number(value: u32) -> BigNum {
    BigNum::from_u32(value).unwrap()
}

fn prime(bits: i32) -> BigNum {
    let mut prime = BigNum::new().unwrap();
    prime.generate_prime(bits, false, None, None).unwrap();
    prime
}

/// The prime that follows.
fn next_prime(after: &BigNumRef) -> BigNum {
    let (mut next, mut context) = (after.to_owned().unwrap(), BigNumContext::new().unwrap());
    loop {
        next.add_word(2).unwrap();
        if next.is_prime_fasttest(30, &mut context, true).unwrap() {
            return next;
        }
    }
}

/// A key of these primes and this exponent, with all that belongs to it; `d` is one where there is none.
fn key(p: &BigNumRef, q: &BigNumRef, e: &BigNumRef) -> Rsa<Private> {
    let context = &mut BigNumContext::new().unwrap();
    let [mut n, mut phi, mut d, mut dmp1, mut dmq1, mut iqmp] = std::array::from_fn(|_| BigNum::new().unwrap());
    n.checked_mul(p, q, context).unwrap();
    let less = |prime: &BigNumRef| {
        let mut less = prime.to_owned().unwrap();
        less.sub_word(1).unwrap();
        less
    };
    let (p_less, q_less) = (less(p), less(q));
    phi.checked_mul(&p_less, &q_less, context).unwrap();
    if d.mod_inverse(e, &phi, context).is_err() {
        d = number(1);
    }
    dmp1.nnmod(&d, &p_less, context).unwrap();
    dmq1.nnmod(&d, &q_less, context).unwrap();
    if iqmp.mod_inverse(q, p, context).is_err() {
        iqmp = number(1);
    }
    let (p, q, e) = (p.to_owned().unwrap(), q.to_owned().unwrap(), e.to_owned().unwrap());
    let key = RsaPrivateKeyBuilder::new(n, e, d).unwrap().set_factors(p, q).unwrap();
    key.set_crt_params(dmp1, dmq1, iqmp).unwrap().build()
}

/// What is said of a key that comes as a file, as it does from the operator.
fn refusal(key: &Rsa<Private>) -> String {
    let pem = key.private_key_to_pem().unwrap();
    match SigningKey::from_pem(&pem, SigningAlgorithm::Rs256).unwrap_err() {
        KeyError::UnsoundRsa(fault) => fault.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_sound_key_is_taken_with_any_exponent_that_is_long_enough() {
    let (p, q) = (prime(1024), prime(1024));
    let key = |e: &BigNumRef| PKey::from_rsa(key(&p, &q, e)).unwrap().private_key_to_pem_pkcs8().unwrap();
    for e in [number(USUAL), number(4_294_967_291)] {
        SigningKey::from_pem(&key(&e), SigningAlgorithm::Rs256).unwrap();
    }
    // One prime is longer by a bit.
    assert_eq!(check(&Rsa::generate(2049).unwrap()), Ok(()));
}

#[test]
fn a_small_even_or_enormous_exponent_is_refused() {
    let small = Rsa::generate_with_e(2048, &number(3)).unwrap();
    assert_eq!(refusal(&small), "its public exponent is 3, but must be 65537 or larger");
    let (p, q) = (prime(1024), prime(1024));
    for e in [1, 17, 65535, 65536] {
        let sentence = format!("its public exponent is {e}, but must be 65537 or larger");
        let e = number(e);
        let expected = if e.num_bits() == 17 { "its public exponent is even" } else { &sentence };
        assert_eq!(refusal(&key(&p, &q, &e)), expected);
    }
    assert_eq!(refusal(&key(&p, &q, &prime(257))), "its public exponent has 257 bits, but must have 256 at most");
}

#[test]
fn a_modulus_that_is_easily_factored_is_refused() {
    let e = number(USUAL);
    let (short, long) = (prime(512), prime(1536));
    let lengths = refusal(&key(&short, &long, &e));
    assert_eq!(lengths, "its primes have 512 and 1536 bits, but must both be half as long as its modulus of 2048 bits");
    let p = prime(1024);
    for q in [next_prime(&p), p.to_owned().unwrap()] {
        let close = "its two primes are equal or too close to each other: whoever has the public key can find them";
        assert_eq!(refusal(&key(&p, &q, &e)), close);
    }
}

#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    let (a, b) = (Rsa::generate(2048).unwrap(), Rsa::generate(2048).unwrap());
    let own = |number: &BigNumRef| number.to_owned().unwrap();
    let crt = |key: &Rsa<Private>| [key.dmp1(), key.dmq1(), key.iqmp()].map(|number| own(number.unwrap()));
    let made = |d: &BigNumRef, p: &BigNumRef, [dmp1, dmq1, iqmp]: [BigNum; 3]| {
        let key = RsaPrivateKeyBuilder::new(own(a.n()), own(a.e()), own(d)).unwrap();
        let key = key.set_factors(own(p), own(a.q().unwrap())).unwrap();
        refusal(&key.set_crt_params(dmp1, dmq1, iqmp).unwrap().build())
    };
    let of_another = made(b.d(), a.p().unwrap(), crt(&a));
    assert!(of_another.contains("d e not congruent to 1"), "{of_another}");
    let prime_of_another = made(a.d(), b.p().unwrap(), crt(&a));
    assert!(prime_of_another.contains("n does not equal p q"), "{prime_of_another}");
    // With a wrong one of these the first signature gives the primes away.
    let wrong = made(a.d(), a.p().unwrap(), crt(&b));
    assert!(wrong.contains("dmp1 not congruent to d"), "{wrong}");
    let mut composite = own(a.p().unwrap());
    composite.add_word(2).unwrap();
    let composite = refusal(&key(&composite, a.q().unwrap(), a.e()));
    assert!(composite.contains("p not prime"), "{composite}");
}

#[test]
fn a_key_without_its_primes_is_refused() {
    let whole = Rsa::generate(2048).unwrap();
    let own = |number: &BigNumRef| number.to_owned().unwrap();
    let bare = RsaPrivateKeyBuilder::new(own(whole.n()), own(whole.e()), own(whole.d())).unwrap().build();
    assert_eq!(check(&bare), Err(RsaFault::NoPrimes));
    // In a file it has zeros for them.
    let zero = || BigNum::new().unwrap();
    let zeros = RsaPrivateKeyBuilder::new(own(whole.n()), own(whole.e()), own(whole.d())).unwrap();
    let zeros = zeros.set_factors(zero(), zero()).unwrap().set_crt_params(zero(), zero(), zero()).unwrap().build();
    let lengths = "its primes have 0 and 0 bits, but must both be half as long as its modulus of 2048 bits";
    assert_eq!(refusal(&zeros), lengths);
}
