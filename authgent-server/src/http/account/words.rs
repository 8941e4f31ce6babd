//! Times, devices and events in words.

use crate::domain::{AccountEvent, Device, EventKind};
use crate::http::pages::account::device_words::browser_and_system;
use crate::http::pages::display::display_name;
use crate::http::pages::texts::AccountTexts;
use crate::http::pages::texts::sentence::fill;
use crate::service::userinfo::OWN_PROFILE;
use actix_web::cookie::time::OffsetDateTime;
use authgent_core::time::Timestamp;

/// `2026-11-23 07:05 UTC`: the same in every language, and the browser's zone is not known.
pub(super) fn time(at: Timestamp) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at.0) else { return "?".to_owned() };
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", at.hour(), at.minute())
}

/// The browser and the system.
pub(super) fn device(t: &AccountTexts, device: &Device) -> String {
    match browser_and_system(device.user_agent.as_deref().unwrap_or_default()) {
        (Some(browser), Some(system)) => fill(t.on, &[("browser", browser), ("system", system)]),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => t.unknown_device.to_owned(),
    }
}

/// From where something happened; empty where it was not a browser.
pub(super) fn place(t: &AccountTexts, from: &Device) -> String {
    let browser = from.user_agent.is_some().then(|| device(t, from));
    browser.into_iter().chain(from.address.clone()).collect::<Vec<_>>().join(" · ")
}

/// What happened.
pub(super) fn event(t: &AccountTexts, event: &AccountEvent) -> String {
    let of = |key: &str| event.detail.get(key).and_then(serde_json::Value::as_str).map(display_name);
    if event.kind == EventKind::ConsentWithdrawn && event.detail.get("all").is_some() {
        return t.disconnected_all.to_owned();
    }
    let client = of("client").unwrap_or_else(|| t.somewhere.to_owned());
    let resource = match of("resource") {
        Some(name) if name == OWN_PROFILE => t.own_profile.to_owned(),
        Some(name) => name,
        None => t.unknown.to_owned(),
    };
    fill((t.event)(event.kind), &[("client", &client), ("resource", &resource)])
}

/// How long access tokens live, in words.
pub(super) fn minutes(t: &AccountTexts, seconds: u32) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => t.minute.to_owned(),
        count => fill(t.minutes, &[("count", &count.to_string())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::texts::account::{DE, EN};
    use serde_json::json;
    use uuid::Uuid;

    fn happened(kind: EventKind, detail: serde_json::Value) -> AccountEvent {
        AccountEvent {
            id: Uuid::nil(),
            user_id: Uuid::nil(),
            at: Timestamp(0),
            kind,
            device: Device::default(),
            detail,
        }
    }

    #[test]
    fn times_are_the_same_everywhere() {
        assert_eq!(time(Timestamp(1_800_000_000)), "2027-01-15 08:00 UTC");
        assert_eq!(time(Timestamp(i64::MAX)), "?");
    }

    #[test]
    fn events_name_what_they_were_about() {
        let given = happened(EventKind::ConsentGiven, json!({"client": "{resource}", "resource": "Projects"}));
        assert_eq!(event(&EN, &given), "You allowed {resource} to use Projects");
        let profile = happened(EventKind::ConsentGiven, json!({"client": "Portal", "resource": OWN_PROFILE}));
        assert_eq!(event(&DE, &profile), "Sie haben Portal den Zugriff auf Ihr Profil erlaubt");
        assert_eq!(
            event(&DE, &happened(EventKind::ConsentWithdrawn, json!({"all": true}))),
            "Sie haben alle Apps getrennt"
        );
        assert_eq!(event(&EN, &happened(EventKind::ConsentWithdrawn, json!({}))), "You disconnected an application");
    }

    #[test]
    fn devices_have_words() {
        let user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".to_owned());
        let known = Device { address: Some("203.0.113.7".into()), user_agent };
        assert_eq!(place(&DE, &known), "Firefox auf Linux · 203.0.113.7");
        assert_eq!(place(&EN, &Device::default()), "");
        assert_eq!(device(&EN, &Device::default()), "Unknown browser");
    }

    #[test]
    fn minutes_are_rounded_up() {
        assert_eq!([minutes(&EN, 30), minutes(&EN, 300), minutes(&DE, 301)], ["one minute", "5 minutes", "6 Minuten"]);
    }
}
