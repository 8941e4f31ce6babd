use crate::crypto::hash::token_hash;
use crate::domain::client::LAST_USE_GRANULARITY;
use crate::domain::registration::RegistrationPolicy;
use crate::domain::{Client, TokenHash};
use authgent_core::metadata::client::{ClientMetadata, TokenEndpointAuthMethod};
use authgent_core::redirect_uri::{RedirectUri, RedirectUriKind};
use authgent_core::time::Timestamp;

/// What registrations have in common that are one client: programs on people's computers, which have no secret, register
/// at each installation or even at each start, and differ in nothing but the port of the moment. `None` for a client that
/// is somebody's own.
///
/// The port of a loopback redirect URI is left out because it does not count when the URI is presented (RFC 8252,
/// section 7.3), and so is `scope`, because it limits nothing: the SDKs register what their first challenge named.
pub(super) fn fingerprint(metadata: &ClientMetadata) -> Option<TokenHash> {
    let local = metadata.redirect_uris.iter().any(|uri| uri.kind() == RedirectUriKind::Loopback);
    let public = metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::None;
    if !local || !public || metadata.jwks.is_some() || metadata.jwks_uri.is_some() {
        return None;
    }
    let mut redirect_uris: Vec<String> = metadata.redirect_uris.iter().map(without_loopback_port).collect();
    redirect_uris.sort_unstable();
    redirect_uris.dedup();
    let mut rest = ClientMetadata { redirect_uris: Vec::new(), scope: None, ..metadata.clone() };
    rest.grant_types.sort_unstable_by_key(|grant_type| grant_type.as_str());
    // The members of a structure are always written in the same order.
    serde_json::to_string(&(redirect_uris, rest)).ok().map(|canonical| token_hash(&canonical))
}

/// The URI without its port where that does not count: two URIs have the same form where one matches the other.
fn without_loopback_port(uri: &RedirectUri) -> String {
    let text = uri.as_str();
    let Some(rest) = text.strip_prefix("http://").filter(|_| uri.kind() == RedirectUriKind::Loopback) else {
        return text.to_owned();
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.trim_end_matches(|digit: char| digit.is_ascii_digit()).strip_suffix(':').unwrap_or(authority);
    format!("http://{host}{tail}")
}

/// Whether clean-up could take the client before its person has had the time to sign in. A little earlier than that does not
/// count, so that a client that registers at each start is not written each time.
pub(super) fn sweep_is_near(client: &Client, policy: &RegistrationPolicy, now: Timestamp) -> bool {
    let time_to_sign_in = i64::from(policy.unfinished_ttl);
    let tolerance = LAST_USE_GRANULARITY.min(time_to_sign_in / 2);
    client.sweep_at.is_some_and(|sweep_at| sweep_at < now.plus(time_to_sign_in - tolerance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn print(change: impl Fn(&mut Value)) -> Option<TokenHash> {
        let mut document = json!({"client_name": "Agent", "redirect_uris": ["http://127.0.0.1:1/cb", "cursor://x/cb"],
            "token_endpoint_auth_method": "none", "software_version": "1"});
        change(&mut document);
        fingerprint(&ClientMetadata::parse(document.as_object().unwrap()).unwrap())
    }

    #[test]
    fn ports_order_and_scope_make_no_difference() {
        let one = print(|_| ());
        assert!(one.is_some());
        for uris in [
            json!(["http://127.0.0.1:54321/cb", "cursor://x/cb"]),
            json!(["cursor://x/cb", "http://127.0.0.1/cb"]),
            json!(["http://127.0.0.1:2/cb", "cursor://x/cb", "http://127.0.0.1:3/cb"]),
        ] {
            assert_eq!(print(|document| document["redirect_uris"] = uris.clone()), one, "{uris}");
        }
        assert_eq!(print(|document| document["scope"] = json!("mcp:read")), one);
        assert_eq!(print(|document| document["grant_types"] = json!(["refresh_token", "authorization_code"])), one);
        assert_eq!(print(|document| document["something_else"] = json!("x")), one);
    }

    #[test]
    fn everything_else_does() {
        let mut seen = vec![print(|_| ())];
        for (member, value) in [
            ("client_name", json!("Another")),
            ("software_version", json!("2")),
            ("client_uri", json!("https://x.example/")),
            ("contacts", json!(["x@example.com"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/other", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1?/cb", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://localhost:1/cb", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://[::1]:1/cb", "cursor://x/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/cb", "cursor://x:1/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/cb", "https://x.example/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/cb", "https://x.example:1/cb"])),
            ("redirect_uris", json!(["http://127.0.0.1:1/cb"])),
        ] {
            let print = print(|document| document[member] = value.clone());
            assert!(print.is_some() && !seen.contains(&print), "{member} {value}");
            seen.push(print);
        }
    }

    #[test]
    fn a_client_of_somebodys_own_has_none() {
        for uris in [json!(["https://x.example/cb"]), json!(["cursor://x/cb"])] {
            assert_eq!(print(|document| document["redirect_uris"] = uris.clone()), None, "{uris}");
        }
        let with_secret = print(|document| {
            document["redirect_uris"] = json!(["http://127.0.0.1:1/cb"]);
            document["token_endpoint_auth_method"] = json!("client_secret_post");
        });
        assert_eq!(with_secret, None);
    }

    proptest! {
        /// What folds is exactly what the authorization endpoint takes for the same redirect URI.
        #[test]
        fn the_form_without_port_agrees_with_matching(
            one in "http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[1-9][0-9]{0,3})?(/[a-z0-9:/.]{0,4}|\\?[0-9:]{0,3})?",
            other in "http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[1-9][0-9]{0,3})?(/[a-z0-9:/.]{0,4}|\\?[0-9:]{0,3})?",
        ) {
            let (one, other) = (RedirectUri::parse(&one).unwrap(), RedirectUri::parse(&other).unwrap());
            let same = without_loopback_port(&one) == without_loopback_port(&other);
            prop_assert_eq!(same, one.matches(other.as_str()), "{} {}", one, other);
            let bare = RedirectUri::parse(&without_loopback_port(&one)).unwrap();
            prop_assert!(bare.matches(one.as_str()));
        }
    }
}
