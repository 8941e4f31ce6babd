// An OAuth client on oauth4webapi, which checks everything that a specification lets a client check: metadata, `iss`,
// `state`, token responses, access tokens (RFC 9068).
//
// Settings: issuer, resource, scope, client_name; then client_id (a client metadata document, or what was registered
// beforehand, perhaps with client_secret), or neither to register dynamically; alg, to authenticate with a key of the
// application's own (private_key_jwt). The result: client_id, identities (what `whoami` told before and after the
// refresh), rotated, claims (of the first access token), exchanges.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { listenForCallback, notingFetch, run, tell } from "./application.mjs";

const PROTOCOL_VERSION = "2026-07-28";
const KEY_ID = "journey";

/** Both well-known documents of the issuer (RFC 8414, OpenID Connect Discovery), which must say the same. */
async function discover(issuer, options) {
  const [server, openid] = await Promise.all(
    ["oauth2", "oidc"].map(async (algorithm) =>
      oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...options, algorithm })),
    ),
  );
  assert.deepEqual(openid, server, "the two metadata documents");
  assert.ok(server.code_challenge_methods_supported?.includes("S256"), "the metadata does not list S256");
  assert.ok(server.authorization_response_iss_parameter_supported, "the metadata does not promise iss (RFC 9207)");
  return server;
}

/** Asks without a token: the challenge leads to the metadata (RFC 9728), which names the issuer. */
async function requireChallenge(resource, server, options) {
  const answer = await fetch(resource, { method: "POST" });
  assert.equal(answer.status, 401, "status without a token");
  const challenge = answer.headers.get("www-authenticate");
  const metadata = await oauth.resourceDiscoveryRequest(resource, options);
  assert.ok(challenge.includes(`resource_metadata="${metadata.url}"`), `${metadata.url} is not in ${challenge}`);
  const { authorization_servers } = await oauth.processResourceDiscoveryResponse(resource, metadata);
  assert.deepEqual(authorization_servers, [server.issuer], "authorization_servers of the resource");
}

/** The application's key, or nothing where the settings name no algorithm. */
async function makeKey({ alg }) {
  if (!alg) return undefined;
  const { privateKey, publicKey } = await oauth.generateKeyPair(alg);
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: KEY_ID, alg, use: "sig" };
  // What WebCrypto adds for itself.
  delete jwk.key_ops;
  delete jwk.ext;
  return { privateKey: { key: privateKey, kid: KEY_ID }, jwks: { keys: [jwk] } };
}

async function register(server, settings, redirectUri, key, options) {
  const metadata = {
    client_name: settings.client_name,
    redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    application_type: "native",
    token_endpoint_auth_method: key ? "private_key_jwt" : "none",
    ...(key && { jwks: key.jwks }),
  };
  const registered = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, metadata, options),
  );
  assert.deepEqual(registered.redirect_uris, metadata.redirect_uris, "redirect_uris of the registration");
  assert.equal(registered.token_endpoint_auth_method, metadata.token_endpoint_auth_method);
  return registered;
}

function authentication(client, key) {
  if (key) return oauth.PrivateKeyJwt(key.privateKey);
  return client.client_secret ? oauth.ClientSecretBasic(client.client_secret) : oauth.None();
}

/** The authorization request in the browser; resolves to the checked response and the verifier. */
async function authorize(server, client, settings, callback) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: callback.redirectUri,
    scope: settings.scope,
    resource: settings.resource,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  return { verifier, response: oauth.validateAuthResponse(server, client, await callback.authorize(url), state) };
}

/** Calls a tool by one request, as MCP 2026-07-28 has it; the answer is JSON or a stream with one event. */
async function whoami(resource, accessToken, options) {
  const headers = new Headers({
    Accept: "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": PROTOCOL_VERSION,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "whoami",
  });
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientInfo": { name: "oauth4webapi", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "whoami", arguments: {}, _meta };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const response = await oauth.protectedResourceRequest(accessToken, "POST", resource, headers, body, options);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const message = JSON.parse(text.startsWith("{") ? text : text.match(/^data: *(\{.*)$/m)[1]);
  assert.ok(message.result, text);
  return message.result.structuredContent;
}

/** The claims of an access token, by the library's own reading of RFC 9068 and the issuer's key set. */
async function validated(server, settings, accessToken, options) {
  const request = new Request(settings.resource, { headers: { authorization: `Bearer ${accessToken}` } });
  return oauth.validateJwtAccessToken(server, request, settings.resource, options);
}

/** Somebody without the application's key, who has got hold of its refresh token. */
async function requireImpostorsRefused(server, client, settings, refreshToken) {
  const options = { [oauth.allowInsecureRequests]: true, additionalParameters: { resource: settings.resource } };
  const { privateKey } = await oauth.generateKeyPair(settings.alg);
  const impostors = {
    "another key": oauth.PrivateKeyJwt({ key: privateKey, kid: KEY_ID }),
    "no assertion": oauth.None(),
  };
  for (const [credentials, auth] of Object.entries(impostors)) {
    const answer = await oauth.refreshTokenGrantRequest(server, client, auth, refreshToken, options);
    const { error } = await answer.json();
    const refused = { status: answer.status, error };
    assert.deepEqual(refused, { status: 401, error: "invalid_client" }, `refresh with ${credentials}`);
  }
}

async function journey(settings, callback, exchanges) {
  const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: notingFetch(exchanges) };
  const resource = new URL(settings.resource);
  const key = await makeKey(settings);
  if (key) tell("keys", key.jwks);

  const server = await discover(new URL(settings.issuer), options);
  await requireChallenge(resource, server, options);
  const { client_id, client_secret } = settings;
  if (client_id?.startsWith("https:")) {
    assert.ok(server.client_id_metadata_document_supported, "the metadata does not promise client metadata documents");
  }
  const client = client_id
    ? { client_id, client_secret }
    : await register(server, settings, callback.redirectUri, key, options);
  const auth = authentication(client, key);

  const { verifier, response } = await authorize(server, client, settings, callback);
  const forResource = { ...options, additionalParameters: { resource: settings.resource } };
  const issued = await oauth.processAuthorizationCodeResponse(
    server,
    client,
    await oauth.authorizationCodeGrantRequest(
      server,
      client,
      auth,
      response,
      callback.redirectUri,
      verifier,
      forResource,
    ),
  );
  assert.ok(issued.refresh_token, "no refresh token was issued");
  const claims = await validated(server, settings, issued.access_token, options);
  const identities = [await whoami(resource, issued.access_token, options)];

  if (key) await requireImpostorsRefused(server, client, settings, issued.refresh_token);
  const refresh = async (token) =>
    oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(server, client, auth, token, forResource),
    );
  const refreshed = await refresh(issued.refresh_token);
  await validated(server, settings, refreshed.access_token, options);
  identities.push(await whoami(resource, refreshed.access_token, options));

  const revoked = await oauth.revocationRequest(server, client, auth, refreshed.refresh_token, {
    ...options,
    additionalParameters: { token_type_hint: "refresh_token" },
  });
  await oauth.processRevocationResponse(revoked);
  await assert.rejects(refresh(refreshed.refresh_token), { error: "invalid_grant", status: 400 });

  const rotated = refreshed.refresh_token !== issued.refresh_token;
  return { client_id: client.client_id, identities, rotated, claims, exchanges };
}

await run(async (settings) => {
  const callback = await listenForCallback();
  try {
    return await journey(settings, callback, []);
  } finally {
    callback.close();
  }
});
