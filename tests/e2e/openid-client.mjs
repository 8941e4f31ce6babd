// An OpenID Connect relying party on openid-client, which checks everything that a client can: discovery, `iss`, `state`,
// the ID token with its signature, `nonce`, `at_hash`, `auth_time` and `max_age`, and that userinfo is about the same person.
//
// Settings: issuer, scope, client_name, perhaps resource; client_id and goodbye_port for a client that was made beforehand
// (perhaps with client_secret), otherwise it registers itself. The result: client_id, claims (of the first ID token),
// userinfo, refreshed (claims of the second ID token), audience (of the access token), goodbye (how the person came back
// from signing out), exchanges.

import assert from "node:assert/strict";
import { decodeJwt, listenForCallback, notingFetch, run } from "./application.mjs";
import * as openid from "openid-client";

const MAX_AGE = 300;

async function configure(settings, callback, goodbye, fetch) {
  const issuer = new URL(settings.issuer);
  const options = { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks], [openid.customFetch]: fetch };
  const { client_id, client_secret } = settings;
  if (client_id) {
    const authentication = client_secret ? openid.ClientSecretBasic(client_secret) : openid.None();
    return openid.discovery(issuer, client_id, undefined, authentication, options);
  }
  const metadata = {
    client_name: settings.client_name,
    redirect_uris: [callback.redirectUri],
    post_logout_redirect_uris: [goodbye.redirectUri],
    token_endpoint_auth_method: "none",
    default_max_age: MAX_AGE,
    require_auth_time: true,
  };
  const config = await openid.dynamicClientRegistration(issuer, metadata, openid.None(), options);
  assert.deepEqual(config.clientMetadata().post_logout_redirect_uris, metadata.post_logout_redirect_uris);
  return config;
}

/** Discovery promises what the journey uses. */
function requirePromises(server) {
  for (const endpoint of ["userinfo_endpoint", "end_session_endpoint"]) {
    assert.ok(server[endpoint]?.startsWith(server.issuer), `${endpoint}: ${server[endpoint]}`);
  }
  assert.equal(server.claims_parameter_supported, false);
  assert.equal(server.request_parameter_supported, false);
}

async function signIn(config, settings, callback) {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const expectedNonce = openid.randomNonce();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback.redirectUri,
    scope: settings.scope,
    state: expectedState,
    nonce: expectedNonce,
    max_age: String(MAX_AGE),
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...(settings.resource && { resource: settings.resource }),
  });
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: MAX_AGE, idTokenExpected: true };
  return openid.authorizationCodeGrant(config, await callback.authorize(url), checks);
}

/** The client sends the person to sign out; resolves to the URL that they come back with. */
async function signOut(config, idToken, goodbye) {
  const state = openid.randomState();
  const url = openid.buildEndSessionUrl(config, {
    id_token_hint: idToken,
    post_logout_redirect_uri: goodbye.redirectUri,
    state,
  });
  const back = await goodbye.authorize(url);
  assert.equal(back.searchParams.get("state"), state, "state after signing out");
  return back;
}

async function journey(settings, callback, goodbye, exchanges) {
  const config = await configure(settings, callback, goodbye, notingFetch(exchanges));
  requirePromises(config.serverMetadata());
  const tokens = await signIn(config, settings, callback);
  const claims = tokens.claims();
  const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  await assert.rejects(openid.fetchUserInfo(config, tokens.id_token, claims.sub), { status: 401 });

  const parameters = settings.resource ? { resource: settings.resource } : {};
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token, parameters);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token, "the refresh token was not rotated");
  assert.deepEqual(await openid.fetchUserInfo(config, refreshed.access_token, claims.sub), userinfo);

  const back = await signOut(config, refreshed.id_token, goodbye);
  return {
    client_id: config.clientMetadata().client_id,
    claims,
    userinfo,
    refreshed: refreshed.claims(),
    audience: decodeJwt(tokens.access_token).aud,
    goodbye: String(back),
    exchanges,
  };
}

await run(async (settings) => {
  const callback = await listenForCallback();
  const goodbye = await listenForCallback(settings.goodbye_port);
  try {
    return await journey(settings, callback, goodbye, []);
  } finally {
    callback.close();
    goodbye.close();
  }
});
