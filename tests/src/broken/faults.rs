//! What may be wrong, one thing at a time, and the codes by which the doctor must name it.

use super::{Answer, Asked, Edit, Side};
use serde_json::json;

/// One thing that is wrong.
pub struct Fault {
    /// What it is.
    pub name: &'static str,
    /// What the doctor must say beyond what it says of the healthy servers: these codes, and no others.
    pub codes: &'static [&'static str],
    /// Makes it wrong.
    pub edit: Edit,
}

/// Nothing is wrong.
pub fn healthy(_: &Asked, _: &mut Answer) {}

const fn fault(name: &'static str, codes: &'static [&'static str], edit: Edit) -> Fault {
    Fault { name, codes, edit }
}

/// Changes each document of the authorization server's metadata.
macro_rules! metadata {
    (|$answer:ident| $change:expr) => {
        |asked, $answer| {
            if asked.is_server_metadata() {
                $change;
            }
        }
    };
}

/// Changes each document of the MCP server's metadata.
macro_rules! resource {
    (|$asked:ident, $answer:ident| $change:expr) => {
        |$asked, $answer| {
            if $asked.is_resource_metadata() {
                $change;
            }
        }
    };
}

/// Changes what the MCP server answers to a call without a token.
macro_rules! refusal {
    (|$asked:ident, $answer:ident| $change:expr) => {
        |$asked, $answer| {
            if $asked.is_call() && $asked.token().is_none() {
                $change;
            }
        }
    };
}

/// Changes the answer to one method and path of the authorization server.
macro_rules! issuer {
    ($method:literal, $path:literal, |$asked:ident, $answer:ident| $change:expr) => {
        |$asked, $answer| {
            if $asked.is(Side::Issuer, $method, $path) {
                $change;
            }
        }
    };
}

mod authorization_server;
mod sign_in;

use authorization_server::{cors, discovery, endpoints, keys, registration};
pub use sign_in::of_sign_in;

/// Everything that may be wrong.
#[must_use]
pub fn all() -> Vec<Fault> {
    [reach(), challenge(), resource(), discovery(), registration(), keys(), endpoints(), cors()]
        .into_iter()
        .flatten()
        .collect()
}

fn reach() -> Vec<Fault> {
    vec![
        fault("the MCP server redirects to a trailing slash", &["reach.redirect"], |asked, answer| {
            if asked.is_call() {
                answer.status = 307;
                answer.set("location", "/mcp/");
            }
        }),
        fault("the clock is an hour behind", &["reach.clock"], |asked, answer| {
            if asked.side == Side::Mcp {
                answer.set("date", "Sun, 06 Nov 1994 08:49:37 GMT");
            }
        }),
        fault("a single-page application answers every path", &["reach.unknown_well_known"], |asked, answer| {
            if asked.side == Side::Mcp && answer.status == 404 {
                answer.html(200);
            }
        }),
    ]
}

fn challenge() -> Vec<Fault> {
    vec![
        fault("200 instead of 401", &["challenge.open"], |asked, answer| {
            if asked.is_call() {
                *answer = Answer::json(200, json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}));
                answer.set("access-control-allow-origin", "*");
            }
        }),
        fault("404 at the endpoint", &["challenge.no_endpoint"], |asked, answer| {
            if asked.is_call() {
                *answer = Answer::json(404, json!({"error": "not_found"}));
            }
        }),
        fault("502 instead of 401", &["challenge.server_error"], refusal!(|asked, answer| answer.html(502))),
        fault("403 instead of 401", &["challenge.status"], refusal!(|asked, answer| answer.html(403))),
        fault("the session is asked for before the token", &["challenge.one_era"], |asked, answer| {
            if asked.is_call() && asked.token().is_none() && asked.headers.contains_key("mcp-method") {
                answer.status = 400;
            }
        }),
        fault(
            "no WWW-Authenticate",
            &["challenge.missing"],
            refusal!(|asked, answer| answer.remove("www-authenticate")),
        ),
        fault(
            "a WWW-Authenticate without quotes",
            &["challenge.malformed"],
            refusal!(|asked, answer| answer.set("www-authenticate", "Bearer resource_metadata=https://a/b c")),
        ),
        fault(
            "a proxy's Basic challenge",
            &["challenge.not_bearer"],
            refusal!(|asked, answer| answer.set("www-authenticate", "Basic realm=\"proxy\"")),
        ),
        fault(
            "no resource_metadata",
            &["challenge.no_resource_metadata"],
            refusal!(|asked, answer| answer.set("www-authenticate", "Bearer scope=\"mcp:read\"")),
        ),
        fault(
            "resource_metadata with a name inside the container",
            &["challenge.resource_metadata_url", "resource.unreachable"],
            refusal!(|asked, answer| answer.replace("www-authenticate", "localhost", "mcp-server.invalid")),
        ),
        fault(
            "no scope in the challenge",
            &["challenge.no_scope"],
            refusal!(|asked, answer| answer.replace("www-authenticate", "scope=\"mcp:read\", ", "")),
        ),
        fault(
            "the challenge asks for offline_access",
            &["challenge.offline_access"],
            refusal!(|asked, answer| answer.replace("www-authenticate", "mcp:read", "mcp:read offline_access")),
        ),
        fault(
            "an error although no token was sent",
            &["challenge.error_without_token"],
            refusal!(|asked, answer| answer.replace("www-authenticate", "Bearer ", "Bearer error=\"invalid_token\", ")),
        ),
        fault("a made-up token is accepted", &["challenge.bad_token_accepted"], |asked, answer| {
            if asked.is_call() && asked.token().is_some() {
                *answer = Answer::json(200, json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}));
            }
        }),
        fault("a made-up token ends in 500", &["challenge.bad_token_answer"], |asked, answer| {
            if asked.is_call() && asked.token().is_some() {
                answer.html(500);
            }
        }),
    ]
}

fn resource() -> Vec<Fault> {
    vec![
        fault("no protected resource metadata", &["resource.missing"], resource!(|asked, answer| answer.status = 404)),
        fault("the root place fails", &["resource.location_status"], |asked, answer| {
            if asked.is(Side::Mcp, "GET", "/.well-known/oauth-protected-resource") {
                answer.html(500);
            }
        }),
        fault(
            "redirected metadata",
            &["resource.redirect"],
            resource!(|asked, answer| {
                answer.status = 301;
                answer.set("location", "https://www.example.com/");
            }),
        ),
        fault("metadata that is a page", &["resource.not_json"], resource!(|asked, answer| answer.html(200))),
        // The root has the document: the walk goes on, so that what it says everywhere is still said.
        fault(
            "another object where the path is inserted",
            &["keys.not_rs256", "resource.not_json"],
            |asked, answer| {
                if asked.is(Side::Mcp, "GET", "/.well-known/oauth-protected-resource/mcp") {
                    answer.body = json!({"hello": 1});
                }
            },
        ),
        fault(
            "resource with a trailing slash",
            &["resource.mismatch", "discovery.resource_unlisted"],
            resource!(|asked, answer| answer.body["resource"] = format!("{}/", asked.mcp).into()),
        ),
        fault(
            "resource without its path",
            &["resource.mismatch", "discovery.resource_unlisted"],
            resource!(|asked, answer| answer.body["resource"] = asked.mcp.trim_end_matches("/mcp").into()),
        ),
        fault("no resource", &["resource.absent"], resource!(|asked, answer| answer.forget("resource"))),
        fault("another document at the inserted place", &["resource.documents_differ"], |asked, answer| {
            if asked.is(Side::Mcp, "GET", "/.well-known/oauth-protected-resource") {
                answer.body["authorization_servers"] = json!(["https://other.example.com"]);
            }
        }),
        fault(
            "no authorization server",
            &["resource.no_authorization_servers"],
            resource!(|asked, answer| answer.body["authorization_servers"] = json!([])),
        ),
        fault(
            "offline_access among the scopes of the resource",
            &["resource.offline_access"],
            resource!(|asked, answer| answer.body["scopes_supported"] = json!(["mcp:read", "offline_access"])),
        ),
        fault("no scope anywhere", &["challenge.no_scope", "resource.no_scopes"], |asked, answer| {
            if asked.is_resource_metadata() {
                answer.forget("scopes_supported");
            } else if asked.is_call() && asked.token().is_none() {
                answer.replace("www-authenticate", "scope=\"mcp:read\", ", "");
            }
        }),
        fault(
            "tokens in the query alone",
            &["resource.bearer_methods"],
            resource!(|asked, answer| answer.body["bearer_methods_supported"] = json!(["query"])),
        ),
    ]
}
