//! Of the authorization server's endpoints, and of scripts in a page.

faults! {
    UNREACHABLE = Error "endpoint.unreachable" {
        title: "an endpoint cannot be reached",
        expected: "an HTTP answer",
        breaks: "every client",
        remedy: "Check the URL in the metadata: AUTHGENT_ISSUER must be what clients use, not a name inside a container network.",
    }
    TOKEN_STATUS = Error "token_endpoint.status" {
        title: "the token endpoint does not refuse an empty request as it should",
        expected: "400 or 401 with a JSON error (RFC 6749, section 5.2)",
        breaks: "every client: it cannot tell an expired refresh token from a broken server",
        remedy: "404 and 405 mean a wrong token_endpoint or a proxy that blocks POST; a redirect loses the form; for a 5xx look at the log.",
    }
    TOKEN_NOT_JSON = Error "token_endpoint.not_json" {
        title: "the token endpoint does not answer in JSON",
        expected: "{\"error\": \"invalid_request\"} as application/json (RFC 6749, section 5.2)",
        breaks: "claude.ai, Claude Code and the SDKs: they fail while reading instead of saying what is wrong",
        remedy: "Let no proxy replace the error by a page of its own (nginx: proxy_intercept_errors off).",
    }
    REGISTRATION_STATUS = Error "registration.status" {
        title: "the registration endpoint does not refuse an invalid registration as it should",
        expected: "400 with a JSON error (RFC 7591, section 3.2.2)",
        breaks: "Claude Code, Cursor and others that try another registration after a refusal",
        remedy: "404 and 405 mean a wrong registration_endpoint or a proxy that blocks POST; for a 5xx look at the log.",
    }
    REGISTRATION_NOT_JSON = Error "registration.not_json" {
        title: "the registration endpoint does not answer in JSON",
        expected: "{\"error\": \"invalid_client_metadata\"} as application/json (RFC 7591, section 3.2.2)",
        breaks: "every client that registers dynamically",
        remedy: "Let no proxy replace the error by a page of its own (nginx: proxy_intercept_errors off).",
    }
    REGISTRATION_CLOSED = Warning "registration.closed" {
        title: "registration needs a credential",
        expected: "a registration endpoint that anybody may use, or none in the metadata",
        breaks: "Cursor, Gemini CLI, Antigravity and programs on the SDKs that publish no document: they have no such credential",
        remedy: "Open it, or leave registration_endpoint out of the metadata and register clients by hand (on Authgent: AUTHGENT_REGISTRATION=open or off).",
    }
    REGISTRATION_CARELESS = Warning "registration.careless" {
        title: "the registration endpoint accepts nonsense",
        expected: "400 for redirect_uris that is not a list",
        breaks: "nobody; clients learn of their mistakes only later",
        remedy: "Check the metadata of clients when they register (RFC 7591, section 2).",
    }
    OPEN_REDIRECTOR = Error "authorize.open_redirector" {
        title: "the authorization endpoint sends people to the redirect URI of an unknown client",
        expected: "400 and a page, without a redirect (RFC 6749, section 4.1.2.1)",
        breaks: "people: the server is an open redirector",
        remedy: "Check client_id and redirect_uri before anything else, and never redirect where either is wrong.",
    }
    AUTHORIZE_STATUS = Error "authorize.status" {
        title: "the authorization endpoint fails",
        expected: "400 and a page for an unknown client",
        breaks: "every client",
        remedy: "404 means a wrong authorization_endpoint; for a 5xx look at the log.",
    }
    UNKNOWN_CLIENT_UNNOTICED = Info "authorize.unknown_client" {
        title: "the authorization endpoint does not say at once that a client is unknown",
        expected: "400 and a page, without a redirect",
        breaks: "FastMCP's client, which asks first to learn whether its registration still exists",
        remedy: "Check client_id before the person signs in.",
    }
    PREFLIGHT = Warning "cors.preflight" {
        title: "a preflight is refused",
        expected: "2xx to OPTIONS, without a token",
        breaks: "clients in a page: the MCP Inspector, web applications",
        remedy: "Answer OPTIONS before the token is checked (FastMCP: Middleware(CORSMiddleware, …) in http_app(middleware=[…])); mcp-resource: allowed_origin(…).",
    }
    NO_ALLOW_ORIGIN = Warning "cors.allow_origin" {
        title: "scripts of other origins may not read the answer",
        expected: "Access-Control-Allow-Origin: * (or the origin that asks)",
        breaks: "clients in a page: the MCP Inspector, web applications",
        remedy: "Add the header; no cookie is looked at here, so * is safe (nginx: add_header Access-Control-Allow-Origin * always;).",
    }
    ALLOW_HEADERS = Warning "cors.allow_headers" {
        title: "a preflight does not allow the headers that MCP clients send",
        expected: "Access-Control-Allow-Headers with each of them; * does not cover Authorization",
        breaks: "clients in a page: the MCP Inspector, web applications",
        remedy: "Access-Control-Allow-Headers: Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id",
    }
    NOT_EXPOSED = Warning "cors.not_exposed" {
        title: "scripts cannot read the challenge",
        expected: "Access-Control-Expose-Headers with WWW-Authenticate",
        breaks: "clients in a page: they see a 401 and cannot find the metadata",
        remedy: "Access-Control-Expose-Headers: WWW-Authenticate, Mcp-Session-Id on the 401 too",
    }
}
