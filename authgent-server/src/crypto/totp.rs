//! Codes of an authenticator app: RFC 6238 with its defaults (SHA-1, six digits, 30 seconds), the only ones that every app
//! knows. SHA-1 is no weakness here: HMAC does not need its collisions to be hard to find (RFC 4226, appendix B.2).

use super::random::Random;
use authgent_core::time::Timestamp;
use secrecy::zeroize::Zeroizing;
use totp_rs::{Builder, Totp};

/// The length of a secret, in bytes (RFC 4226, section 4, R6).
const SECRET: usize = 20;
/// Codes of the step before and after the present one are accepted, because clocks differ and people type slowly (RFC 6238,
/// section 5.2).
const SKEW: u16 = 1;

/// Why there are no codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret of the authenticator app cannot be used")]
pub struct TotpError;

/// A new secret.
#[must_use]
pub fn new_secret(random: &dyn Random) -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(vec![0; SECRET]);
    random.fill(&mut secret);
    secret
}

/// The time step whose code this is, if it is one of the present; white space in it is of no matter. A step that was
/// accepted once must not be accepted again: the caller remembers.
///
/// # Errors
/// [`TotpError`] where the secret is none.
pub fn check(secret: &[u8], code: &str, now: Timestamp) -> Result<Option<i64>, TotpError> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let Ok(now) = u64::try_from(now.0) else { return Ok(None) };
    let step = builder(secret).build().map_err(|_| TotpError)?.check(&code, now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// A secret as an app takes it: to be typed, and to be opened or read off a QR code.
pub struct Enrolment {
    /// Base32 (RFC 4648, section 6), in groups of four.
    pub text: Zeroizing<String>,
    /// `otpauth://totp/…`
    pub uri: Zeroizing<String>,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment")
    }
}

/// Writes a secret for an app, which will show it under the names of `site` and `account`.
///
/// # Errors
/// [`TotpError`] where the secret is none.
pub fn enrolment(secret: &[u8], site: &str, account: &str) -> Result<Enrolment, TotpError> {
    // A colon parts the two names, so that neither may have one.
    let named = |name: &str| name.replace(':', " ");
    let totp: Totp = builder(secret)
        .with_issuer(Some(named(site)))
        .with_account_name(named(account))
        .build()
        .map_err(|_| TotpError)?;
    let base32 = Zeroizing::new(totp.secret().to_base32());
    Ok(Enrolment {
        text: Zeroizing::new(in_groups(&base32, " ")),
        uri: Zeroizing::new(totp.to_url().map_err(|_| TotpError)?),
    })
}

fn builder(secret: &[u8]) -> Builder {
    Builder::new().with_skew(SKEW).with_secret(secret.to_vec())
}

/// Groups of four characters.
pub(super) fn in_groups(text: &str, between: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemRandom;

    /// RFC 6238, appendix B.
    const RFC_SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_of_rfc_6238() {
        // The RFC's codes have eight digits; the last six are those of six.
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(check(RFC_SECRET, code, Timestamp(time)), Ok(Some(time / 30)));
        }
        assert_eq!(check(RFC_SECRET, " 287 082 ", Timestamp(59)), Ok(Some(1)));
    }

    #[test]
    fn one_step_of_skew_and_no_more() {
        for (now, expected) in [(0, Some(1)), (30, Some(1)), (59, Some(1)), (60, Some(1)), (89, Some(1)), (90, None)] {
            assert_eq!(check(RFC_SECRET, "287082", Timestamp(now)), Ok(expected), "{now}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for code in ["", "28708", "2870822", "28708a", "２８７０８２", "-87082", "+87082", "287082\0"] {
            assert_eq!(check(RFC_SECRET, code, Timestamp(59)), Ok(None), "{code:?}");
        }
        assert_eq!(check(RFC_SECRET, "287082", Timestamp(-59)), Ok(None));
        assert_eq!(check(b"", "287082", Timestamp(59)), Err(TotpError));
    }

    #[test]
    fn an_app_is_given_what_it_needs() {
        let enrolment = enrolment(RFC_SECRET, "auth.example.com", "ada@example.com").unwrap();
        assert_eq!(enrolment.text.as_str(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let uri = url::Url::parse(&enrolment.uri).unwrap();
        assert_eq!((uri.scheme(), uri.host_str()), ("otpauth", Some("totp")));
        assert!(uri.query_pairs().any(|pair| pair == ("secret".into(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into())));
        assert!(uri.query_pairs().any(|pair| pair == ("issuer".into(), "auth.example.com".into())));
        assert!(uri.path().ends_with("ada%40example.com"), "{}", uri.path());
        assert!(super::enrolment(RFC_SECRET, "[::1]:8080", "a:b").is_ok());
    }

    #[test]
    fn secrets_have_160_bits_and_differ() {
        let secret = new_secret(&SystemRandom);
        assert_eq!(secret.len(), 20);
        assert_ne!(*secret, *new_secret(&SystemRandom));
    }
}
