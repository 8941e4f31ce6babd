// An OpenID provider as a company has one, for people to sign in at: oidc-provider with its own sign-in page.
//
//   node provider.mjs <settings.json
//
// Settings: port, client_id, client_secret, redirect_uri, backchannel_logout_uri, accounts (claims by `sub`). What its
// operator does comes as POST to /operator/…: `rotate` (another signing key), `fail?path=/token` and `recover` (an outage, of
// all or of what begins so), `sign-out?sub=…` (ends the person's session and tells the client).

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { json as readJson } from "node:stream/consumers";
import Provider from "oidc-provider";

const settings = await readJson(process.stdin);
const issuer = `http://localhost:${settings.port}`;
const sessions = new Map();

function newKey() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "ES256" };
}

/** Grants what the client asks for without a page of its own: asking is the business of the server under test. */
async function loadExistingGrant(context) {
  const { client, params, session, provider } = context.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

function provider(keys) {
  const made = new Provider(issuer, {
    clients: [{
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: [settings.redirect_uri],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      id_token_signed_response_alg: "ES256",
      backchannel_logout_uri: settings.backchannel_logout_uri,
      backchannel_logout_session_required: true,
    }],
    jwks: { keys },
    cookies: { keys: ["only for journeys"] },
    claims: { openid: ["sub", "sid"], email: ["email", "email_verified"], profile: ["name", "groups"] },
    conformIdTokenClaims: false,
    features: { backchannelLogout: { enabled: true } },
    findAccount: (_, sub) => settings.accounts[sub] && { accountId: sub, claims: () => ({ sub, ...settings.accounts[sub] }) },
    loadExistingGrant,
    pkce: { required: () => true },
    // Without its guard against addresses of this machine: the server under test is here.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  });
  made.on("authorization.success", (context) => {
    const { session, client } = context.oidc;
    sessions.set(session.accountId, session.sidFor(client.clientId));
  });
  return made;
}

let current = provider([newKey()]);
let failing;

const operator = {
  // At once: the old key is withdrawn.
  async rotate() {
    current = provider([newKey()]);
  },
  async fail(query) {
    failing = query.get("path") ?? "/";
  },
  async recover() {
    failing = undefined;
  },
  async "sign-out"(query) {
    const sub = query.get("sub");
    const client = await current.Client.find(settings.client_id);
    await client.backchannelLogout(sub, sessions.get(sub));
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const order = url.pathname.startsWith("/operator/") && operator[url.pathname.slice("/operator/".length)];
  if (order && request.method === "POST") {
    try {
      await order(url.searchParams);
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  } else if (failing && url.pathname.startsWith(failing)) {
    response.writeHead(503, { "Retry-After": "60" }).end("down for maintenance");
  } else {
    current.callback()(request, response);
  }
});
server.listen(settings.port, "localhost");
