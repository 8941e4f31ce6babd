//! Browsers in which an account signed in before: a cookie that only this server can make (OWASP, "Slow down online guessing
//! attacks with device cookies"). It lets nobody in; a stolen one gives an attacker five tries of his own.

use crate::crypto::hash::{base64url, constant_time_eq};
use crate::service::Services;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// How long a browser is known after the last sign-in, in seconds: half a year.
pub const TTL: u32 = 180 * 86_400;

/// How many accounts one browser is known to. The one that signed in longest ago goes first.
const MOST_ACCOUNTS: usize = 5;
/// Bytes of the time at which an entry ends, and of its code.
const TIME: usize = 8;
const CODE: usize = 24;

/// What a browser says it is: a name of its own, and for each account an entry that proves that it signed in there.
#[derive(Debug, Clone, Default)]
pub struct KnownDevice {
    name: String,
    entries: Vec<String>,
}

impl KnownDevice {
    /// Reads the cookie. What cannot be read is a browser that nobody knows.
    #[must_use]
    pub fn parse(cookie: Option<&str>) -> Self {
        let mut parts = cookie.unwrap_or_default().split('.').map(str::to_owned);
        let name = parts.next().filter(|name| name.len() == 22).unwrap_or_default();
        if name.is_empty() {
            return Self::default();
        }
        Self { name, entries: parts.take(MOST_ACCOUNTS).collect() }
    }

    /// Its name, where the account signed in there.
    #[must_use]
    pub fn known_to(&self, services: &Services, user_id: Uuid) -> Option<&str> {
        let good = |entry: &String| {
            let bytes = URL_SAFE_NO_PAD.decode(entry).ok().filter(|bytes| bytes.len() == TIME + CODE)?;
            let (time, code) = bytes.split_at(TIME);
            let ends = i64::from_be_bytes(time.try_into().ok()?);
            let genuine = constant_time_eq(&self.code(services, user_id, ends), code);
            (genuine && services.now().0 < ends).then_some(())
        };
        self.entries.iter().find_map(good).map(|()| &*self.name)
    }

    /// The cookie after the account signed in there.
    #[must_use]
    pub fn after_sign_in(mut self, services: &Services, user_id: Uuid) -> String {
        if self.name.is_empty() {
            let mut name = [0; 16];
            services.random.fill(&mut name);
            self.name = base64url(&name);
        }
        let ends = services.now().plus(i64::from(TTL)).0;
        let entry = base64url(&[&ends.to_be_bytes()[..], &self.code(services, user_id, ends)].concat());
        let others = std::mem::take(&mut self.entries).into_iter();
        let others: Vec<String> = others.filter(|entry| !self.is_of(services, user_id, entry)).collect();
        let newest = others.len().saturating_sub(MOST_ACCOUNTS - 1);
        let parts = std::iter::once(&self.name).chain(&others[newest..]).chain(std::iter::once(&entry));
        parts.map(String::as_str).collect::<Vec<_>>().join(".")
    }

    fn is_of(&self, services: &Services, user_id: Uuid, entry: &str) -> bool {
        let one = Self { name: self.name.clone(), entries: vec![entry.to_owned()] };
        one.known_to(services, user_id).is_some()
    }

    fn code(&self, services: &Services, user_id: Uuid, ends: i64) -> [u8; CODE] {
        let message = format!("{} {user_id} {ends}", self.name);
        let code = services.vault.mac("known device", message.as_bytes());
        std::array::from_fn(|n| code[n])
    }
}
