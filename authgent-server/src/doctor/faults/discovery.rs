//! Of the authorization server's metadata, registration and keys.

faults! {
    AS_CONNECTION = Error "discovery.connection" {
        title: "ConnectionError — Cannot connect to authorization_server_url",
        expected: "an HTTP answer from the authorization server that the metadata names",
        breaks: "every client; the MCP server as well, which fetches the keys there",
        remedy: "In Docker Compose a container reaches the authorization server by its service name (http://authgent:8080), everybody outside by http://localhost:8080: keep AUTHGENT_ISSUER at what people and clients use, and give the MCP server AUTHGENT_INTERNAL_URL=http://authgent:8080.",
    }
    AS_TLS = Error "discovery.tls" {
        title: "TLS of the authorization server fails",
        expected: "a certificate for its host name that a public authority signed, with its intermediate certificates",
        breaks: "every client",
        remedy: "Install a certificate such as Let's Encrypt issues, and serve the full chain. For a private authority, name it with --ca-file.",
    }
    ISSUER_URL = Error "discovery.issuer_url" {
        title: "the issuer is no URL of an authorization server",
        expected: "an https URL without query and fragment (RFC 8414, section 2)",
        breaks: "every client",
        remedy: "Write the issuer with its scheme, such as https://auth.example.com.",
    }
    AS_PLAIN_HTTP = Error "discovery.plain_http" {
        title: "the authorization server is plain http",
        expected: "https for the issuer and each endpoint; plain http only on this machine",
        breaks: "claude.ai, ChatGPT, VS Code and the SDKs refuse it; passwords and codes can be read on the way",
        remedy: "Put a proxy with a certificate before it, and set AUTHGENT_ISSUER=https://…",
    }
    AS_LOOPBACK_HTTP = Info "discovery.loopback_http" {
        title: "the authorization server is plain http on this machine",
        expected: "https for everybody who is not on this machine",
        breaks: "hosted clients (claude.ai, ChatGPT), which cannot reach this machine anyway",
        remedy: "Nothing for development. Before others use it: AUTHGENT_ISSUER=https://…",
    }
    AS_MISSING = Error "discovery.missing" {
        title: "the authorization server publishes no metadata",
        expected: "a JSON document at one of the places (RFC 8414, section 3; OpenID Connect Discovery, section 4)",
        breaks: "every client",
        remedy: "Check the issuer, and that the proxy passes /.well-known/ at the root of the host: for an issuer with a path the path comes behind it (/.well-known/oauth-authorization-server/tenant).",
    }
    LOCATION_STATUS = Error "discovery.location_status" {
        title: "a place of the authorization server's metadata answers neither with a document nor with 404",
        expected: "200 with the document, or 404",
        breaks: "clients stop at a server error instead of trying the next place (Python and TypeScript SDK)",
        remedy: "Answer 404 where there is nothing; look at the log of the proxy for a 5xx.",
    }
    AS_REDIRECT = Error "discovery.redirect" {
        title: "the authorization server's metadata is redirected",
        expected: "200 with the document, or 404, at the URL itself",
        breaks: "clients that follow no redirects for metadata",
        remedy: "Serve the document at the place itself; exclude /.well-known/ from redirects.",
    }
    AS_NOT_JSON = Error "discovery.not_json" {
        title: "what is there is not the authorization server's metadata",
        expected: "404, or application/json with an object that has issuer and the endpoints",
        breaks: "every client",
        remedy: "Often a page of a single-page application: route /.well-known/ to the authorization server.",
    }
    ISSUER_SLASH = Error "discovery.issuer_trailing_slash" {
        title: "the issuer differs by a trailing slash",
        expected: "the same issuer in authorization_servers and in the metadata, letter by letter (RFC 8414, section 3.3)",
        breaks: "the Python SDK, FastMCP, ChatGPT and every client that compares strings",
        remedy: "Write both without the slash. Pydantic's AnyHttpUrl adds it: authorization_servers=[TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python(ISSUER)]. Authgent emits AUTHGENT_ISSUER verbatim.",
    }
    ISSUER_MISMATCH = Error "discovery.issuer_mismatch" {
        title: "the metadata names another issuer than the one it was asked for",
        expected: "the same issuer in authorization_servers and in the metadata, letter by letter (RFC 8414, section 3.3)",
        breaks: "every client that follows the specification: it must refuse the document",
        remedy: "Set AUTHGENT_ISSUER to the public URL, and name exactly that in authorization_servers of the MCP server.",
    }
    NO_ISSUER = Error "discovery.no_issuer" {
        title: "the metadata names no issuer",
        expected: "\"issuer\" (RFC 8414, section 2)",
        breaks: "every client",
        remedy: "Add it: it is required.",
    }
    AS_DIFFER = Warning "discovery.documents_differ" {
        title: "the places of the authorization server's metadata say different things",
        expected: "the same values at every place",
        breaks: "clients that look at the other place first",
        remedy: "Serve one document at all places; clear the cache of the proxy.",
    }
    NO_ENDPOINT = Error "discovery.no_endpoint" {
        title: "the metadata lacks an endpoint",
        expected: "authorization_endpoint and token_endpoint",
        breaks: "every client",
        remedy: "Add them (RFC 8414, section 2).",
    }
    ENDPOINT_URL = Error "discovery.plain_endpoint" {
        title: "an endpoint is not https",
        expected: "https URLs; plain http only on this machine",
        breaks: "every client: it must not send a code or a token there",
        remedy: "The server does not know that TLS ends before it: tell it its public URL (AUTHGENT_ISSUER=https://…), and let the proxy pass X-Forwarded-Proto.",
    }
    NO_S256 = Error "discovery.no_s256" {
        title: "PKCE with S256 is not advertised",
        expected: "\"code_challenge_methods_supported\": [\"S256\"]",
        breaks: "every MCP client: it must refuse a server that does not list it",
        remedy: "Add the member to both documents, also to openid-configuration (Keycloak and Entra ID: behind a proxy that adds it, or use Authgent in front).",
    }
    NO_CODE = Error "discovery.no_code" {
        title: "the authorization code flow is not advertised",
        expected: "response_types_supported with code; grant_types_supported with authorization_code, or absent",
        breaks: "every client in which a person signs in",
        remedy: "Enable the authorization code flow.",
    }
    NO_REFRESH = Info "discovery.no_refresh" {
        title: "refresh tokens are not advertised",
        expected: "grant_types_supported with refresh_token",
        breaks: "none, but people sign in again whenever the access token ends",
        remedy: "Enable refresh tokens (Authgent: AUTHGENT_REFRESH_TTL is not 0).",
    }
    NO_NONE = Warning "discovery.no_public_clients" {
        title: "clients without a secret are not advertised",
        expected: "\"token_endpoint_auth_methods_supported\" with none",
        breaks: "claude.ai, which uses its metadata document only then; Claude Code, VS Code, Cursor and every other native client, which has no secret",
        remedy: "Allow public clients with PKCE, and list none.",
    }
    NO_ISS = Info "discovery.no_iss" {
        title: "authorization responses are not advertised to carry iss",
        expected: "\"authorization_response_iss_parameter_supported\": true (RFC 9207)",
        breaks: "none today; ChatGPT then uses a metadata document for each application, and a later MCP revision is announced to require it",
        remedy: "Add iss to each authorization response, then advertise it.",
    }
    SCOPE_UNKNOWN = Warning "discovery.scope_unknown" {
        title: "the authorization server does not list a scope that the MCP server asks for",
        expected: "each scope of the resource in scopes_supported of the authorization server",
        breaks: "every client: the authorization request ends in invalid_scope, or the token lacks the scope",
        remedy: "Add it to the resource: authgent resource add URI --scope 'mcp:read=See your projects'.",
    }
    RESOURCE_UNLISTED = Warning "discovery.resource_unlisted" {
        title: "the authorization server does not list this resource",
        expected: "the resource of the MCP server in protected_resources (RFC 9728, section 4)",
        breaks: "every client: the authorization request ends in invalid_target, or the token gets another audience",
        remedy: "Register it, letter by letter as the MCP server publishes it: authgent resource add URI.",
    }
    NO_REGISTRATION = Warning "registration.none" {
        title: "no client can register itself",
        expected: "client_id_metadata_document_supported: true, or a registration_endpoint",
        breaks: "Cursor, Gemini CLI, Copilot CLI, Zed, OpenCode and FastMCP's client; claude.ai, Claude Code, ChatGPT and VS Code until somebody types in a client ID",
        remedy: "Switch one on (Authgent has both by default), or register each client by hand: authgent client add --name NAME --redirect-uri URI.",
    }
    NO_DYNAMIC = Info "registration.no_dynamic" {
        title: "there is no dynamic registration",
        expected: "a registration_endpoint (RFC 7591) for clients without a metadata document",
        breaks: "Cursor, Gemini CLI, Antigravity and programs on the SDKs that publish no document: they register dynamically",
        remedy: "Switch it on, or register those by hand.",
    }
    NO_DOCUMENTS = Info "registration.no_documents" {
        title: "client metadata documents are not supported",
        expected: "\"client_id_metadata_document_supported\": true",
        breaks: "nobody yet: those that publish a document register dynamically instead, which MCP deprecates",
        remedy: "Switch it on where the server has it.",
    }

    NO_JWKS_URI = Warning "keys.no_jwks_uri" {
        title: "the metadata names no jwks_uri",
        expected: "\"jwks_uri\"",
        breaks: "MCP servers that verify JWTs with keys found by discovery (mcp-resource)",
        remedy: "Publish the keys, unless the tokens are opaque and introspected.",
    }
    KEYS_UNREACHABLE = Error "keys.unreachable" {
        title: "ConnectionError — Cannot connect to jwks_uri",
        expected: "200 with a JWKS (RFC 7517, section 5)",
        breaks: "the MCP server: it can verify no token, and every client is refused",
        remedy: "Check that jwks_uri is reachable from the MCP server too; in Docker Compose set its AUTHGENT_INTERNAL_URL=http://authgent:8080.",
    }
    KEYS_NOT_JWKS = Error "keys.not_jwks" {
        title: "jwks_uri does not answer with a JWKS",
        expected: "{\"keys\": […]}",
        breaks: "the MCP server: it can verify no token",
        remedy: "Route jwks_uri to the authorization server.",
    }
    KEYS_EMPTY = Error "keys.empty" {
        title: "the JWKS has no usable key for signatures",
        expected: "at least one sound public key whose use is sig",
        breaks: "the MCP server: it can verify no token",
        remedy: "Configure a signing key: AUTHGENT_SIGNING_KEY=signing-key.pem (authgent key generate makes one).",
    }
    KEYS_PRIVATE = Error "keys.private" {
        title: "the JWKS gives private keys away",
        expected: "public members alone: no d, p, q, dp, dq, qi or k",
        breaks: "everybody: whoever read it can issue tokens for any person",
        remedy: "Withdraw the key at once, make a new one, and publish its public half alone. Every token signed with it is worthless.",
    }
    KEYS_UNUSABLE = Warning "keys.unusable" {
        title: "a key of the JWKS cannot be used",
        expected: "sound keys: EC on P-256, P-384 or P-521, RSA of 2048 bits or more, Ed25519",
        breaks: "MCP servers whose library gives up at the first bad key",
        remedy: "Remove it.",
    }
    KEYS_NO_KID = Warning "keys.no_kid" {
        title: "a key of the JWKS has no kid",
        expected: "a kid in each key",
        breaks: "MCP servers while keys are rotated: they cannot tell which key signed (FastMCP's JWTVerifier looks for the token's kid)",
        remedy: "Give each key a kid, such as its thumbprint (RFC 7638).",
    }
    KEYS_SAME_KID = Warning "keys.same_kid" {
        title: "two keys of the JWKS have the same kid",
        expected: "a kid of its own for each key",
        breaks: "MCP servers that take the first one",
        remedy: "Name each key after its thumbprint (RFC 7638).",
    }
    KEYS_NO_ALG = Info "keys.no_alg" {
        title: "a key of the JWKS has no alg",
        expected: "\"alg\", such as ES256",
        breaks: "none that is known, but libraries then trust the header of the token",
        remedy: "Add it.",
    }
    KEYS_NOT_RS256 = Info "keys.not_rs256" {
        title: "FastMCP must be told the algorithm",
        expected: "JWTVerifier(…, algorithm=…) with the algorithm of the keys: its default is RS256",
        breaks: "FastMCP servers that name no algorithm refuse every token",
        remedy: "FastMCP: JWTVerifier(jwks_uri=…, issuer=…, audience=…, algorithm=\"ES256\").",
    }
    KEYS_CACHING = Info "keys.caching" {
        title: "the JWKS says nothing useful about caching",
        expected: "Cache-Control with a max-age",
        breaks: "none; MCP servers fetch it more often, or keep it for longer than you think",
        remedy: "Send Cache-Control: public, max-age=300 with it.",
    }
}
