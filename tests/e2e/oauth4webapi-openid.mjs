// An OpenID Connect relying party on oauth4webapi, one request after the other.
//
// Settings: issuer, scope, client_name. The client registers itself. The result: client_id, claims (of the first ID token),
// userinfo, refreshed (claims of the second ID token), audience (of the access token), errors (what prompt=none, acr_values
// and a stranger's hint bring), goodbye (how the person came back from signing out), exchanges.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { decodeJwt, listenForCallback, notingFetch, run } from "./application.mjs";

async function register(server, settings, redirectUri, goodbyeUri, options) {
  const metadata = {
    client_name: settings.client_name,
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [goodbyeUri],
    token_endpoint_auth_method: "none",
    id_token_signed_response_alg: server.id_token_signing_alg_values_supported[0],
  };
  return oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(server, metadata, options),
  );
}

/** One authorization request with a listener of its own; resolves to what is needed for the code, or throws its error. */
async function authorize(server, client, settings, parameters = {}) {
  const callback = await listenForCallback();
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: callback.redirectUri,
    scope: settings.scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...parameters,
  });
  try {
    const response = oauth.validateAuthResponse(server, client, await callback.authorize(url), state);
    return { response, verifier, nonce, redirectUri: callback.redirectUri };
  } finally {
    callback.close();
  }
}

/** The error with which an authorization request comes back. */
async function errorOf(server, client, settings, parameters) {
  try {
    await authorize(server, client, settings, parameters);
  } catch (error) {
    assert.ok(error instanceof oauth.AuthorizationResponseError, String(error));
    return error.error;
  }
  return "none";
}

async function signOut(server, idToken, goodbye) {
  const url = new URL(server.end_session_endpoint);
  url.search = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: goodbye.redirectUri });
  return String(await goodbye.authorize(url));
}

async function journey(settings, goodbye, exchanges) {
  const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: notingFetch(exchanges) };
  const issuer = new URL(settings.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  const client = await register(server, settings, "http://127.0.0.1/callback", goodbye.redirectUri, options);

  const { response, verifier, nonce, redirectUri } = await authorize(server, client, settings, { max_age: "300" });
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    response,
    redirectUri,
    verifier,
    options,
  );
  const checks = { expectedNonce: nonce, maxAge: 300, requireIdToken: true };
  const issued = await oauth.processAuthorizationCodeResponse(server, client, answer, checks);
  await oauth.validateApplicationLevelSignature(server, answer, options);
  const claims = oauth.getValidatedIdTokenClaims(issued);

  const ask = async (token) =>
    oauth.processUserInfoResponse(server, client, claims.sub, await oauth.userInfoRequest(server, client, token, options));
  const userinfo = await ask(issued.access_token);

  const second = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), issued.refresh_token, options);
  const refreshed = await oauth.processRefreshTokenResponse(server, client, second);
  await oauth.validateApplicationLevelSignature(server, second, options);
  assert.deepEqual(await ask(refreshed.access_token), userinfo, "userinfo after the refresh");

  const errors = {
    // A program on the person's computer is asked about each time.
    "prompt=none": await errorOf(server, client, settings, { prompt: "none" }),
    "acr_values=phr": await errorOf(server, client, settings, { acr_values: "phr" }),
    "a forged hint": await errorOf(server, client, settings, { id_token_hint: `${issued.id_token}x` }),
    request: await errorOf(server, client, settings, { request: issued.id_token }),
  };
  const back = await signOut(server, refreshed.id_token, goodbye);
  errors["prompt=none after signing out"] = await errorOf(server, client, settings, { prompt: "none" });
  return {
    client_id: client.client_id,
    claims,
    userinfo,
    refreshed: oauth.getValidatedIdTokenClaims(refreshed),
    audience: decodeJwt(issued.access_token).aud,
    errors,
    goodbye: back,
    exchanges,
  };
}

await run(async (settings) => {
  const goodbye = await listenForCallback();
  try {
    return await journey(settings, goodbye, []);
  } finally {
    goodbye.close();
  }
});
