//! What scripts in a page may do: the Fetch standard's CORS protocol, for clients such as the MCP Inspector.

use super::faults::endpoints as faults;
use super::finding::{Fault, Finding, Stage};
use crate::net::probe::{Answered, Ask, Probe, Reply};

/// The origin of the MCP Inspector's page.
const ORIGIN: &str = "http://localhost:6274";

/// A preflight for one URL, and its answer.
pub(in crate::doctor) struct Preflight {
    url: String,
    headers: &'static [&'static str],
    answered: Answered,
}

/// What is asked of a URL: which method and which headers a client sends there.
#[derive(Clone, Copy)]
pub(in crate::doctor) enum Kind {
    /// A metadata document: clients send `MCP-Protocol-Version`.
    Metadata,
    /// An endpoint that takes a `POST` of the client.
    Endpoint,
    /// The keys, fetched without any header of its own.
    Keys,
    /// The MCP endpoint.
    Mcp,
}

impl Kind {
    fn method(self) -> &'static str {
        match self {
            Self::Metadata | Self::Keys => "GET",
            Self::Endpoint | Self::Mcp => "POST",
        }
    }

    fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Metadata => &["mcp-protocol-version"],
            Self::Endpoint => &["authorization", "content-type"],
            Self::Keys => &[],
            Self::Mcp => &["authorization", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version"],
        }
    }
}

impl Preflight {
    pub(in crate::doctor) async fn ask(probe: &Probe, url: &str, kind: Kind) -> Self {
        let headers = kind.headers();
        // Without headers of its own a request is simple: it is sent without a preflight.
        let ask = if headers.is_empty() {
            Ask::get(url).header("origin", ORIGIN)
        } else {
            Ask::preflight(url, ORIGIN, kind.method(), headers)
        };
        Self { url: url.to_owned(), headers, answered: probe.ask(&ask).await }
    }
}

/// The refusal of the MCP server as a script gets it.
pub(in crate::doctor) async fn ask_refusal(probe: &Probe, url: &str) -> Answered {
    probe.ask(&super::messages::tools_list(url).header("origin", ORIGIN)).await
}

/// What the answers say. One finding for each fault, with all the URLs that have it.
pub(in crate::doctor) fn check(preflights: &[Preflight], refusal: Option<&Answered>) -> Stage {
    let mut stage = Stage::new("cors", "Clients in a page (CORS)");
    let refused = |preflight: &Preflight| match &preflight.answered {
        Ok(reply) if reply.is_success() => None,
        Ok(reply) => Some(reply.status.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let allowed = |preflight: &Preflight| preflight.answered.as_ref().ok().filter(|reply| reply.is_success()).cloned();
    collect(&mut stage, &faults::PREFLIGHT, preflights, refused);
    collect(&mut stage, &faults::NO_ALLOW_ORIGIN, preflights, |preflight| {
        allowed(preflight).filter(|reply| !allows_origin(reply)).map(|_| "none".to_owned())
    });
    collect(&mut stage, &faults::ALLOW_HEADERS, preflights, |preflight| {
        let missing = missing_headers(&allowed(preflight).filter(allows_origin)?, preflight.headers);
        (!missing.is_empty()).then(|| format!("lacks {missing}"))
    });
    if let Some(Ok(reply)) = refusal
        && reply.status == 401
    {
        check_exposed(&mut stage, reply);
    }
    let urls = preflights.len();
    stage.ok_unless_worse_since(
        0,
        Finding::ok("cors.all", format!("scripts of any page may use the {urls} URLs that they need")),
    );
    stage
}

fn collect(stage: &mut Stage, fault: &Fault, preflights: &[Preflight], problem: impl Fn(&Preflight) -> Option<String>) {
    let found: Vec<String> =
        preflights.iter().filter_map(|preflight| Some(format!("{}: {}", preflight.url, problem(preflight)?))).collect();
    if !found.is_empty() {
        stage.add(fault.found(found.join("; ")));
    }
}

fn allows_origin(reply: &Reply) -> bool {
    matches!(reply.header("access-control-allow-origin"), Some("*" | ORIGIN))
}

fn missing_headers(reply: &Reply, wanted: &[&str]) -> String {
    let allowed = list(reply, "access-control-allow-headers");
    let any = allowed.iter().any(|name| name == "*");
    // Fetch standard: the wildcard stands for every header but Authorization.
    let is_allowed = |name: &str| allowed.iter().any(|known| known == name) || any && name != "authorization";
    wanted.iter().copied().filter(|name| !is_allowed(name)).collect::<Vec<_>>().join(", ")
}

fn check_exposed(stage: &mut Stage, reply: &Reply) {
    let exposed = list(reply, "access-control-expose-headers");
    if !allows_origin(reply) {
        stage.add(faults::NOT_EXPOSED.found("the 401 has no Access-Control-Allow-Origin").at(&reply.url));
    } else if !exposed.iter().any(|name| name == "www-authenticate" || name == "*") {
        stage.add(faults::NOT_EXPOSED.found(format!("exposed: {}", exposed.join(", "))).at(&reply.url));
    }
}

fn list(reply: &Reply, name: &str) -> Vec<String> {
    reply.all(name).flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}
