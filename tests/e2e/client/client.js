// A browser-based MCP client in one file. It discovers, registers, exchanges the code and calls a tool with
// `fetch` from its own origin, so that the CORS headers of both servers are exercised by a real browser.
//
// Opened as /?resource=URL&scope=SCOPES it connects on a click; /callback shows the outcome as JSON.

const PROTOCOL_VERSION = "2026-07-28";
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
  const headers = { "MCP-Protocol-Version": PROTOCOL_VERSION };
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

/** Calls a tool by one request, as MCP 2026-07-28 has it; the answer is JSON or a stream with one event. */
async function callTool(resource, accessToken, name) {
  const response = await fetch(resource, {
    method: "POST",
    headers: {
      Accept: "application/json, text/event-stream",
      Authorization: `Bearer ${accessToken}`,
      "Content-Type": "application/json",
      "MCP-Protocol-Version": PROTOCOL_VERSION,
      "Mcp-Method": "tools/call",
      "Mcp-Name": name,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name,
        arguments: {},
        _meta: {
          "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
          "io.modelcontextprotocol/clientInfo": { name: "Tiny client", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${name} answered ${response.status}: ${text}`);
  const message = JSON.parse(text.startsWith("{") ? text : text.match(/^data: *(\{.*)$/m)[1]);
  return message.result.structuredContent;
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
    outcome.identity = await callTool(request.resource, outcome.token.access_token, "whoami");
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
