//! Of the MCP server: whether it is reached, its challenge, its metadata.

faults! {
    CONNECTION = Error "reach.connection" {
        title: "nobody answers there",
        expected: "an HTTP answer",
        breaks: "every client",
        remedy: "Start the server, and check the host name, the port and the firewall. From inside Docker Compose use the name of the service, from outside localhost and the published port.",
    }
    TLS = Error "reach.tls" {
        title: "TLS fails",
        expected: "a certificate for this host name that a public authority signed, with its intermediate certificates",
        breaks: "every client; hosted ones (claude.ai, ChatGPT) have no way to trust a certificate of your own",
        remedy: "Install a certificate such as Let's Encrypt issues, and serve the full chain (nginx: ssl_certificate fullchain.pem). For a private authority, name it with --ca-file.",
    }
    TIMEOUT = Error "reach.timeout" {
        title: "no answer comes in time",
        expected: "an answer within 10 seconds",
        breaks: "claude.ai gives up after 10 seconds, most others within 30",
        remedy: "See whether the server, or a proxy before it, waits for something: a cold start, a database, an event stream that never says anything.",
    }
    SLOW = Warning "reach.slow" {
        title: "answers are slow",
        expected: "an answer within 5 seconds",
        breaks: "claude.ai gives up after 10 seconds",
        remedy: "Keep one instance warm, or move the server nearer to its database.",
    }
    PLAIN_HTTP = Error "reach.plain_http" {
        title: "the URL is plain http",
        expected: "https; plain http only on this machine (localhost, 127.0.0.1, [::1])",
        breaks: "claude.ai, ChatGPT and VS Code refuse it; tokens can be read on the way",
        remedy: "Put a proxy with a certificate before it and give people the https URL. Authgent: AUTHGENT_ISSUER=https://…",
    }
    LOOPBACK_HTTP = Info "reach.loopback_http" {
        title: "plain http on this machine",
        expected: "https for everybody who is not on this machine",
        breaks: "hosted clients (claude.ai, ChatGPT), which cannot reach this machine anyway",
        remedy: "Nothing for development. Before others use it: a host name, a certificate, and the same URLs everywhere.",
    }
    REDIRECT = Error "reach.redirect" {
        title: "the server redirects the request",
        expected: "an answer at the very URL that was asked",
        breaks: "every client: a redirected POST loses its body or its Authorization header, and the resource no longer equals the typed URL",
        remedy: "Give people the URL that it redirects to, or stop the redirect (FastAPI and Starlette: redirect_slashes=False; nginx: no rewrite of /mcp to /mcp/).",
    }
    CLOCK = Warning "reach.clock" {
        title: "its clock differs from the one here",
        expected: "a Date header within 30 seconds of the time here",
        breaks: "every client, from time to time: tokens are refused as expired or not yet valid",
        remedy: "Set the clocks with NTP (systemd: timedatectl set-ntp true), on the server and here; restart containers whose host slept.",
    }
    UNKNOWN_WELL_KNOWN = Warning "reach.unknown_well_known" {
        title: "an unknown path below /.well-known/ is not answered with 404",
        expected: "404",
        breaks: "clients that try several places for metadata take the answer for a document and stop there (Claude Code, MCP Inspector, the SDKs)",
        remedy: "Exclude /.well-known/ from the page that a single-page application answers everything with, and from a sign-in wall.",
    }

    OPEN = Error "challenge.open" {
        title: "the server answers without a token",
        expected: "401 with WWW-Authenticate: Bearer",
        breaks: "every client: none of them signs in, and anybody may use the server",
        remedy: "Protect it. FastMCP: FastMCP(…, auth=RemoteAuthProvider(…)); Rust: mcp-resource's McpAuth around the scope of /mcp.",
    }
    NO_ENDPOINT = Error "challenge.no_endpoint" {
        title: "there is no MCP endpoint at this URL",
        expected: "401 to a POST without a token",
        breaks: "every client",
        remedy: "Type the URL with its path; FastMCP and rmcp serve /mcp, not /.",
    }
    SERVER_ERROR = Error "challenge.server_error" {
        title: "the server fails when no token is sent",
        expected: "401 with WWW-Authenticate: Bearer",
        breaks: "every client",
        remedy: "Look at the server's log, and at that of the proxy before it (502 and 504: the server behind does not answer).",
    }
    STATUS = Error "challenge.status" {
        title: "a request without a token is not answered with 401",
        expected: "401 with WWW-Authenticate: Bearer",
        breaks: "every client: only 401 makes one sign in",
        remedy: "Check the token before anything else, and answer 401 where there is none. A 403 comes from a firewall or an Origin check; a 400 from a server that reads the body first.",
    }
    ONE_ERA = Warning "challenge.one_era" {
        title: "only one of the two kinds of request without a token is answered with 401",
        expected: "401 for both: initialize (revision 2025-11-25 and before) and a request without a session (2026-07-28)",
        breaks: "the clients of the other kind",
        remedy: "Check the token before the protocol version, the session and the method.",
    }
    NO_CHALLENGE = Error "challenge.missing" {
        title: "the 401 carries no WWW-Authenticate header",
        expected: "WWW-Authenticate: Bearer resource_metadata=\"…\"",
        breaks: "clients that look nowhere else for the metadata (VS Code, rmcp, the SDKs before 2025-11-25)",
        remedy: "Send the header, and let the proxy pass it on (nginx: proxy_pass_header WWW-Authenticate).",
    }
    MALFORMED = Error "challenge.malformed" {
        title: "the WWW-Authenticate header cannot be read",
        expected: "Bearer name=\"value\", name=\"value\"",
        breaks: "every client that parses it: the parameters are lost",
        remedy: "Quote each value with \" and separate the parameters by commas (RFC 9110, section 11.6.1).",
    }
    NOT_BEARER = Error "challenge.not_bearer" {
        title: "the WWW-Authenticate header offers no Bearer",
        expected: "WWW-Authenticate: Bearer …",
        breaks: "every client",
        remedy: "A Basic or Negotiate challenge comes from a proxy: switch its sign-in off for the MCP path.",
    }
    NO_RESOURCE_METADATA = Warning "challenge.no_resource_metadata" {
        title: "the challenge names no resource_metadata",
        expected: "resource_metadata=\"https://host/.well-known/oauth-protected-resource/path\"",
        breaks: "clients of revision 2025-06-18, which look nowhere else",
        remedy: "Add the parameter (RFC 9728, section 5.1). FastMCP: give RemoteAuthProvider its base_url.",
    }
    RESOURCE_METADATA_URL = Error "challenge.resource_metadata_url" {
        title: "the resource_metadata of the challenge is no URL of this server",
        expected: "an absolute URL with the scheme and host that clients use",
        breaks: "every client that follows it",
        remedy: "Tell the server its public URL (FastMCP: base_url=\"https://mcp.example.com\"), and let the proxy pass Host and X-Forwarded-Proto.",
    }
    NO_SCOPE = Info "challenge.no_scope" {
        title: "the challenge names no scope",
        expected: "scope=\"…\": the scopes that a client should ask for first",
        breaks: "none: clients take scopes_supported of the metadata instead, or ask for none",
        remedy: "Add the parameter where the first sign-in should ask for less than scopes_supported.",
    }
    OFFLINE_ACCESS_ASKED = Warning "challenge.offline_access" {
        title: "the challenge asks for offline_access",
        expected: "scopes of this server alone",
        breaks: "servers that know no offline_access answer invalid_scope; SDKs add prompt=consent each time",
        remedy: "Leave offline_access out: it is for clients to ask for.",
    }
    ERROR_WITHOUT_TOKEN = Warning "challenge.error_without_token" {
        title: "the challenge names an error although no token was sent",
        expected: "no error parameter (RFC 6750, section 3.1)",
        breaks: "clients that take it for a refused token and throw their tokens away",
        remedy: "Send error=\"invalid_token\" only where a token was sent.",
    }
    BAD_TOKEN_ACCEPTED = Error "challenge.bad_token_accepted" {
        title: "a made-up token is accepted",
        expected: "401 with error=\"invalid_token\"",
        breaks: "nobody, and so everybody may use the server",
        remedy: "Verify signature, iss, aud and exp of each token. FastMCP: token_verifier=JWTVerifier(jwks_uri=…, issuer=…, audience=…, algorithm=\"ES256\").",
    }
    BAD_TOKEN_ANSWER = Warning "challenge.bad_token_answer" {
        title: "a made-up token is not answered with 401 invalid_token",
        expected: "401 with error=\"invalid_token\" (RFC 6750, section 3.1)",
        breaks: "clients neither refresh nor sign in again once their token ends",
        remedy: "Answer 401 with WWW-Authenticate: Bearer error=\"invalid_token\" to every token that is not accepted.",
    }

    METADATA_MISSING = Error "resource.missing" {
        title: "there is no protected resource metadata",
        expected: "a JSON document at one of the places (RFC 9728, section 3)",
        breaks: "every client since revision 2025-06-18: it cannot find the authorization server",
        remedy: "Serve it. FastMCP: RemoteAuthProvider does; mcp-resource: metadata_routes. Let the proxy route /.well-known/oauth-protected-resource to the MCP server.",
    }
    METADATA_STATUS = Error "resource.location_status" {
        title: "a place of the protected resource metadata answers neither with a document nor with 404",
        expected: "200 with the document, or 404",
        breaks: "clients stop at a server error instead of trying the next place",
        remedy: "Answer 404 where there is nothing. A 401 there means that the token check also guards /.well-known/: exclude it.",
    }
    METADATA_REDIRECT = Error "resource.redirect" {
        title: "the protected resource metadata is redirected",
        expected: "200 with the document, or 404, at the URL itself",
        breaks: "clients that follow no redirects for metadata, and the comparison of hosts in the others",
        remedy: "Serve the document at the place itself; exclude /.well-known/ from redirects to www, to https or to a trailing slash.",
    }
    METADATA_NOT_JSON = Error "resource.not_json" {
        title: "what is there is not the protected resource metadata",
        expected: "404, or application/json with an object that has resource and authorization_servers",
        breaks: "every client",
        remedy: "Often a page of a single-page application: route /.well-known/oauth-protected-resource to the MCP server.",
    }
    METADATA_UNREACHABLE = Error "resource.unreachable" {
        title: "the protected resource metadata cannot be fetched",
        expected: "an HTTP answer",
        breaks: "every client that follows resource_metadata",
        remedy: "Tell the server its public URL: inside a container it often publishes a name that nobody outside knows (FastMCP: base_url=…).",
    }
    RESOURCE_MISMATCH = Error "resource.mismatch" {
        title: "resource is not the URL that was typed",
        expected: "the URL of the MCP server, letter by letter (RFC 9728, section 3.3)",
        breaks: "claude.ai and Claude Code, which compare them; elsewhere tokens get another audience",
        remedy: "Make the three the same: the URL that people type, resource in the metadata, and the resource registered at the authorization server (authgent resource add URI). FastMCP: base_url is the URL without /mcp.",
    }
    RESOURCE_ABSENT = Error "resource.absent" {
        title: "the protected resource metadata has no resource",
        expected: "\"resource\": the URL of the MCP server",
        breaks: "every client",
        remedy: "Add it: it is required (RFC 9728, section 2).",
    }
    METADATA_DIFFER = Warning "resource.documents_differ" {
        title: "the places of the protected resource metadata say different things",
        expected: "one document at every place",
        breaks: "clients that look at the other place first",
        remedy: "Serve the same document at resource_metadata and at the path-inserted place.",
    }
    NO_AUTHORIZATION_SERVERS = Error "resource.no_authorization_servers" {
        title: "the metadata names no authorization server",
        expected: "\"authorization_servers\": [\"https://auth.example.com\"]",
        breaks: "every client",
        remedy: "FastMCP: RemoteAuthProvider(authorization_servers=[…]); mcp-resource: its issuer.",
    }
    OFFLINE_ACCESS_LISTED = Warning "resource.offline_access" {
        title: "scopes_supported of the resource lists offline_access",
        expected: "scopes of this server alone (MCP authorization, scopes)",
        breaks: "clients that ask for all of it: invalid_scope, or a consent page that scares people",
        remedy: "Remove it here; the authorization server's own scopes_supported may list it.",
    }
    NO_SCOPES_SUPPORTED = Info "resource.no_scopes" {
        title: "neither the challenge nor the metadata names a scope",
        expected: "scopes_supported: the smallest useful set",
        breaks: "none: clients ask for no scope, and get what the authorization server gives by default",
        remedy: "FastMCP: required_scopes of the token verifier.",
    }
    BEARER_METHODS = Warning "resource.bearer_methods" {
        title: "the metadata does not allow tokens in the header",
        expected: "\"bearer_methods_supported\": [\"header\"]",
        breaks: "every client: MCP sends tokens in the Authorization header alone",
        remedy: "List header, or leave the member out.",
    }
}
