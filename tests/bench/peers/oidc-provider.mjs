// node-oidc-provider as somebody would run it who wants what Authgent does: access tokens for one resource, JWTs that ES256
// signs, and refresh tokens that rotate. Everything is kept in memory.
//
//   node oidc-provider.mjs
//
// The driver of the benchmark knows no more of it than the line on standard output: its issuer, and the clients it has.
// Whoever asks is signed in, and whatever is asked for is granted, without a page. It ends when standard input does.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import Provider from "oidc-provider";

const resource = "http://localhost:8000/mcp";
const scope = "mcp:read";
const redirectUri = "http://127.0.0.1/callback";
const service = { client_id: "service", client_secret: "the secret of the benchmark" };

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = { ...privateKey.export({ format: "jwk" }), kid: "bench", use: "sig", alg: "ES256" };

// The issuer names the port, which is known when somebody listens.
let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

// Everything that it stores, in a Map. The adapter that it comes with forgets all but the last thousand entries, so that
// chains of refresh tokens break under load.
const stored = new Map();
class Memory {
  constructor(model) {
    this.prefix = `${model}:`;
  }
  async upsert(id, payload) {
    stored.set(this.prefix + id, payload);
    if (payload.uid) stored.set(`uid:${payload.uid}`, payload);
  }
  async find(id) {
    return stored.get(this.prefix + id);
  }
  async findByUid(uid) {
    return stored.get(`uid:${uid}`);
  }
  async findByUserCode() {}
  async consume(id) {
    stored.get(this.prefix + id).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    stored.delete(this.prefix + id);
  }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [
    {
      ...service,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_post",
      id_token_signed_response_alg: "ES256",
    },
    {
      client_id: "public",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ["only for measuring"] },
  scopes: [scope],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope,
        audience: resource,
        accessTokenTTL: 300,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const before = session.grantIdFor(client.clientId);
    if (before) return provider.Grant.find(before);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(scope);
    grant.addResourceScope(resource, scope);
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
});

const callback = provider.callback();
answer = (request, response) => {
  if (request.url.startsWith("/interaction/")) {
    provider.interactionFinished(request, response, { login: { accountId: "you" }, consent: {} });
  } else {
    callback(request, response);
  }
};

const { version } = createRequire(import.meta.url)("oidc-provider/package.json");
const program = `oidc-provider ${version} on Node.js ${process.versions.node}`;
console.log(JSON.stringify({ program, issuer, service, public: "public" }));
process.stdin.resume().on("end", () => process.exit());
