//! Of signing in, of tokens, and of calling the MCP server with one.

faults! {
    NO_ACCESS = Error "login.impossible" {
        title: "nobody can sign in: something before this failed",
        expected: "metadata with an authorization_endpoint and a token_endpoint",
        breaks: "every client",
        remedy: "Mend the errors above first.",
    }
    NO_CLIENT = Error "login.no_client" {
        title: "there is no registration, and no client was named",
        expected: "a registration_endpoint, or --client-id",
        breaks: "every client that registers itself",
        remedy: "Register one with the redirect URI http://127.0.0.1/callback and name it: authgent client add --name doctor --redirect-uri http://127.0.0.1/callback, then --client-id ID.",
    }
    REGISTRATION_REFUSED = Error "login.registration" {
        title: "the registration of a native client is refused",
        expected: "201 with a client_id (RFC 7591, section 3.2.1)",
        breaks: "every client that registers dynamically",
        remedy: "The answer says why. A public client (token_endpoint_auth_method none) with an http://127.0.0.1 redirect URI must be allowed.",
    }
    NOBODY_CAME = Error "login.no_answer" {
        title: "the browser did not come back",
        expected: "a redirect to the loopback address after signing in",
        breaks: "native clients, where the page shows an error instead: redirect_uri or client_id is refused",
        remedy: "See what the page says. The port of a loopback redirect URI must not matter (RFC 8252, section 7.3).",
    }
    DENIED = Error "login.denied" {
        title: "the authorization server answers with an error",
        expected: "a code",
        breaks: "every client that asks for the same",
        remedy: "invalid_scope: a scope is not configured for this resource. invalid_target: the resource is not registered, letter by letter (authgent resource add URI). access_denied: the person said no.",
    }
    STATE = Error "login.state" {
        title: "another state came back",
        expected: "the state of the request",
        breaks: "every client: it must refuse the answer",
        remedy: "Return state as it was sent, without decoding it twice.",
    }
    ISS_MISSING = Error "login.iss_missing" {
        title: "the answer has no iss although the metadata promises it",
        expected: "iss in the authorization response (RFC 9207, section 2)",
        breaks: "every client that follows RFC 9207: Gemini CLI, ChatGPT, the SDKs",
        remedy: "Add iss to each authorization response, errors too, or do not advertise it.",
    }
    ISS_WRONG = Error "login.iss_wrong" {
        title: "iss of the answer is not the issuer",
        expected: "the issuer, letter by letter (RFC 9207, section 2.4)",
        breaks: "every client that follows RFC 9207",
        remedy: "Send the issuer of the metadata, without a slash more or less.",
    }
    EXCHANGE = Error "login.exchange" {
        title: "the code is not exchanged",
        expected: "200 with an access_token (RFC 6749, section 5.1)",
        breaks: "every client",
        remedy: "The error says why: invalid_client, the client is not public; invalid_target, the resource is not registered; invalid_grant, the code or the verifier.",
    }
    TOKEN_TYPE = Error "login.token_type" {
        title: "the token is not a bearer token",
        expected: "\"token_type\": \"Bearer\"",
        breaks: "every client",
        remedy: "Answer with token_type Bearer.",
    }
    NO_REFRESH_TOKEN = Info "login.no_refresh_token" {
        title: "there is no refresh token",
        expected: "a refresh_token for a client that registered the grant",
        breaks: "none, but people sign in again whenever the access token ends",
        remedy: "Issue one (Authgent: AUTHGENT_REFRESH_TTL is not 0); some servers want the scope offline_access.",
    }
    REFRESH_REFUSED = Error "login.refresh" {
        title: "the refresh token is refused",
        expected: "200 with a new access_token (RFC 6749, section 6)",
        breaks: "every client, when the access token ends",
        remedy: "The error says why.",
    }
    NOT_ROTATED = Warning "login.not_rotated" {
        title: "the refresh token does not rotate",
        expected: "a new refresh_token at each use by a public client (OAuth 2.1, section 4.3.1)",
        breaks: "nobody; a stolen refresh token stays good without anybody noticing",
        remedy: "Rotate refresh tokens of public clients.",
    }

    OPAQUE = Info "token.opaque" {
        title: "the access token is no JWT: nothing can be read in it",
        expected: "a JWT (RFC 9068), unless the MCP server introspects tokens",
        breaks: "MCP servers that verify JWTs (FastMCP's JWTVerifier, mcp-resource)",
        remedy: "Let the authorization server issue JWTs, or use introspection on the server's side.",
    }
    ALG_NONE = Error "token.alg" {
        title: "the token is not signed with a public key",
        expected: "ES256, ES384, RS256 or another algorithm of public keys",
        breaks: "every MCP server that is safe",
        remedy: "Sign with a private key whose public half stands in the JWKS.",
    }
    UNKNOWN_KEY = Error "token.unknown_key" {
        title: "the token's key is not in the JWKS",
        expected: "a key with the kid of the token",
        breaks: "every MCP server: it cannot verify the token",
        remedy: "Publish a key before it signs, and for as long as its tokens live. Several replicas must share their keys (Authgent: one database, or one AUTHGENT_SIGNING_KEY).",
    }
    SIGNATURE = Error "token.signature" {
        title: "the signature of the token is wrong",
        expected: "a signature that the key in the JWKS verifies",
        breaks: "every MCP server",
        remedy: "The JWKS shows another key under that kid than the one that signs: restart all replicas with the same key, and give a new key a new kid.",
    }
    WRONG_ISSUER = Error "token.issuer" {
        title: "iss of the token is not the issuer",
        expected: "the issuer of the metadata, letter by letter",
        breaks: "every MCP server: FastMCP's JWTVerifier compares strings",
        remedy: "Set issuer of the MCP server and AUTHGENT_ISSUER to the same text, without a slash more or less.",
    }
    EXPIRED = Error "token.expired" {
        title: "token_expired — JWT exp claim is in the past",
        expected: "exp in the future",
        breaks: "every client that does not refresh: an older SDK",
        remedy: "Access tokens live for 5 minutes by default (AUTHGENT_TOKEN_TTL): the client must refresh them; update its SDK if it does not. If the token is fresh, set the clocks with NTP.",
    }
    NOT_YET_VALID = Error "token.not_yet_valid" {
        title: "the token is not valid yet",
        expected: "nbf and iat not in the future",
        breaks: "every client, for as long as the clocks differ",
        remedy: "Set the clock of the authorization server, and the one here, with NTP.",
    }
    AUDIENCE = Error "token.audience" {
        title: "invalid_audience — the token is for another resource",
        expected: "the resource of the MCP server's metadata in aud, letter by letter",
        breaks: "every client: claude.ai says \"Authorization failed\" after a good sign-in",
        remedy: "Make them the same: aud comes from the resource registered in Authgent (authgent resource add URI), the MCP server expects its audience (FastMCP: JWTVerifier(audience=…); mcp-demo: MCP_AUDIENCE). Mind the trailing slash and the path.",
    }
    SCOPE = Error "token.scope" {
        title: "insufficient_scope — a required scope is not present",
        expected: "each scope that was asked for",
        breaks: "every client that calls what needs the scope",
        remedy: "Either the client did not ask for it, or the person did not allow it (untick nothing), or it is not configured for this resource: authgent resource add URI --scope 'mcp:write=Create projects'.",
    }
    CLAIMS = Warning "token.claims" {
        title: "the token lacks claims of RFC 9068",
        expected: "typ at+jwt, and the claims iss, sub, aud, exp, iat, jti and client_id",
        breaks: "MCP servers that check them (mcp-resource); with another typ an ID token could pass for an access token",
        remedy: "Let the authorization server issue access tokens after RFC 9068.",
    }
    LONG_LIFE = Info "token.long_life" {
        title: "the token lives for long",
        expected: "an hour or less; 5 minutes are usual here",
        breaks: "nobody; a stolen token stays good as long",
        remedy: "Shorten it (Authgent: AUTHGENT_TOKEN_TTL=300): clients refresh.",
    }

    CALL_EXPIRED = Error "call.token_expired" {
        title: "the MCP server refuses the token: token_expired — JWT exp claim is in the past",
        expected: "an answer to initialize and tools/list",
        breaks: "every client that does not refresh: an older SDK",
        remedy: "Access tokens live for 5 minutes by default: the client must refresh them; update its SDK if it does not. If the token is fresh, the clock of the MCP server is wrong: set it with NTP.",
    }
    CALL_AUDIENCE = Error "call.invalid_audience" {
        title: "the MCP server refuses the token: invalid_audience",
        expected: "an answer to initialize and tools/list",
        breaks: "every client: claude.ai says \"Authorization failed\" after a good sign-in",
        remedy: "The audience that the MCP server expects must equal the resource registered in Authgent, letter by letter: no trailing slash more or less, the same scheme, host, port and path (FastMCP: JWTVerifier(audience=…); mcp-demo: MCP_AUDIENCE; authgent resource add URI).",
    }
    CALL_SCOPE = Error "call.insufficient_scope" {
        title: "the MCP server refuses the token: insufficient_scope",
        expected: "an answer to initialize and tools/list",
        breaks: "every client that asked for the same scopes",
        remedy: "Ask for the scopes that the challenge names (--scope), allow them on the consent page, and have them among the allowed scopes of the resource (authgent resource add URI --scope …).",
    }
    CALL_CONNECTION = Error "call.connection_error" {
        title: "the MCP server cannot reach the authorization server: ConnectionError — Cannot connect to authorization_server_url",
        expected: "an answer to initialize and tools/list",
        breaks: "every client",
        remedy: "From inside Docker Compose localhost is the container itself: use the service name. For mcp-resource and mcp-demo: AUTHGENT_INTERNAL_URL=http://authgent:8080 beside AUTHGENT_ISSUER; FastMCP: JWTVerifier(jwks_uri=\"http://authgent:8080/.well-known/jwks.json\", issuer=ISSUER).",
    }
    CALL_REFUSED = Error "call.refused" {
        title: "the MCP server refuses the token",
        expected: "an answer to initialize and tools/list",
        breaks: "every client",
        remedy: "Compare what the server is configured with (issuer, jwks_uri, audience, algorithm) with the claims above. FastMCP: JWTVerifier's algorithm is RS256 unless you name another, and it logs why it refuses.",
    }
    CALL_FAILED = Error "call.failed" {
        title: "the MCP server fails with a good token",
        expected: "an answer to initialize and tools/list",
        breaks: "every client",
        remedy: "Look at the server's log: the token was let through, the fault lies behind it.",
    }
}
