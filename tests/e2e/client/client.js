// A browser-based OAuth client in one file. It discovers, registers and exchanges the code with `fetch`
// from its own origin, so that Authgent's CORS headers are exercised by a real browser.
//
// Opened as /?resource=URL&scope=SCOPES it connects on a click; /callback shows the outcome as JSON.

const REDIRECT_URI = `${location.origin}/callback`;

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function json(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

/** The well-known URL of an issuer or resource: the well-known name goes between host and path. */
function wellKnown(url, name) {
  const { origin, pathname } = new URL(url);
  return `${origin}/.well-known/${name}${pathname === "/" ? "" : pathname}`;
}

async function discover(resource) {
  // A header that is not CORS-safelisted, as MCP clients send it: the browser asks first.
  const headers = { "MCP-Protocol-Version": "2026-07-28" };
  const protectedResource = await json(await fetch(wellKnown(resource, "oauth-protected-resource"), { headers }));
  const [issuer] = protectedResource.authorization_servers;
  return json(await fetch(wellKnown(issuer, "oauth-authorization-server"), { headers }));
}

async function register(server) {
  const stored = sessionStorage.getItem("client_id");
  if (stored) return stored;
  const client = await json(
    await fetch(server.registration_endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        client_name: "Tiny client",
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: "none",
        application_type: "native",
      }),
    }),
  );
  sessionStorage.setItem("client_id", client.client_id);
  return client.client_id;
}

async function connect() {
  const { resource, scope } = Object.fromEntries(new URLSearchParams(location.search));
  const server = await discover(resource);
  const request = { resource, server, verifier: randomText(), state: randomText(), client_id: await register(server) };
  sessionStorage.setItem("request", JSON.stringify(request));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(request.verifier));
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: request.client_id,
    redirect_uri: REDIRECT_URI,
    scope,
    state: request.state,
    resource,
    code_challenge: base64url(challenge),
    code_challenge_method: "S256",
  });
  location.assign(url);
}

async function finish() {
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  const request = JSON.parse(sessionStorage.getItem("request"));
  const outcome = {
    error: answer.error,
    has_code: "code" in answer,
    state_matches: answer.state === request.state,
    iss_matches: answer.iss === request.server.issuer,
  };
  if (outcome.has_code && outcome.state_matches && outcome.iss_matches) {
    outcome.token = await json(
      await fetch(request.server.token_endpoint, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "authorization_code",
          code: answer.code,
          redirect_uri: REDIRECT_URI,
          client_id: request.client_id,
          code_verifier: request.verifier,
          resource: request.resource,
        }),
      }),
    );
  }
  return outcome;
}

function show(promise) {
  const element = document.querySelector("#outcome");
  promise.then(
    (outcome) => outcome && (element.textContent = JSON.stringify(outcome)),
    (error) => (element.textContent = JSON.stringify({ failed: String(error) })),
  );
}

if (location.pathname === "/callback") show(finish());
else document.querySelector("#connect").addEventListener("click", () => show(connect()));
