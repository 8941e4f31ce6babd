// An application on the MCP TypeScript SDK: signs in, calls `whoami`, and once more after its access token was refused.
//
// Settings: sdk (the package: one of `SDKS`), server_url, client_name; then document_url (a client metadata document),
// or client (what was registered beforehand: client_id, perhaps client_secret), or neither to register dynamically;
// resource_as_url, to send `resource` as the URL class writes it. The result: client_id, identities (what `whoami` told
// before and after the refresh), rotated, protocol_version (where the SDK tells it), exchanges.

import assert from "node:assert/strict";
import { listenForCallback, notingFetch, run } from "./application.mjs";

const SDKS = {
  // Speaks the newest revision of the protocol, and falls back.
  "@modelcontextprotocol/client": async () => {
    const sdk = await import("@modelcontextprotocol/client");
    return { ...sdk, options: { versionNegotiation: { mode: "auto" } }, finished: (response) => response };
  },
  // The line that most released clients are built on. It takes the code alone, without `iss`.
  "@modelcontextprotocol/sdk": async () => {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const { UnauthorizedError } = await import("@modelcontextprotocol/sdk/client/auth.js");
    const finished = (response) => response.get("code");
    return { Client, StreamableHTTPClientTransport, UnauthorizedError, options: {}, finished };
  },
};

/** The application's storage and browser, as the SDK's `OAuthClientProvider` wants them. */
class Provider {
  #callback;
  #settings;
  #client;
  #tokens;
  #verifier;
  #state;
  #discovery;
  #response;

  constructor(settings, callback) {
    this.#settings = settings;
    this.#callback = callback;
    this.#client = settings.client;
    this.clientMetadataUrl = settings.document_url;
    if (settings.resource_as_url) {
      // As older versions of the SDK do it by themselves: the URL class adds a slash to an empty path.
      this.validateResourceURL = async (_, resource) => new URL(resource);
    }
  }

  get redirectUrl() {
    return this.#callback.redirectUri;
  }

  get clientMetadata() {
    return {
      client_name: this.#settings.client_name,
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  state() {
    this.#state = crypto.randomUUID();
    return this.#state;
  }

  clientInformation() {
    return this.#client;
  }

  saveClientInformation(client) {
    this.#client = client;
  }

  tokens() {
    return this.#tokens;
  }

  saveTokens(tokens) {
    this.#tokens = tokens;
  }

  codeVerifier() {
    return this.#verifier;
  }

  saveCodeVerifier(verifier) {
    this.#verifier = verifier;
  }

  discoveryState() {
    return this.#discovery;
  }

  saveDiscoveryState(discovery) {
    this.#discovery = discovery;
  }

  async redirectToAuthorization(url) {
    this.#response = await this.#callback.authorize(url);
  }

  /** The parameters that the person was sent back with. Not every SDK looks at `iss`, and none at `state`. */
  response() {
    const { searchParams } = this.#response;
    const { issuer } = this.#discovery.authorizationServerMetadata;
    assert.equal(searchParams.get("state"), this.#state, "state of the authorization response");
    assert.equal(searchParams.get("iss"), issuer, "iss of the authorization response");
    return searchParams;
  }

  /** Makes the stored access token one that the server refuses, as it is when its time is over. */
  spoilAccessToken() {
    const [header, payload] = this.#tokens.access_token.split(".");
    this.#tokens = { ...this.#tokens, access_token: `${header}.${payload}.${"A".repeat(86)}` };
  }
}

/** Connects; where the server asks for it, signs in and connects anew, as the SDK's own examples do. */
async function connect(sdk, settings, provider, exchanges) {
  const open = () => {
    const options = { authProvider: provider, fetch: notingFetch(exchanges) };
    const transport = new sdk.StreamableHTTPClientTransport(new URL(settings.server_url), options);
    const client = new sdk.Client({ name: settings.client_name, version: "1.0.0" }, sdk.options);
    return { client, transport };
  };
  const first = open();
  await assert.rejects(first.client.connect(first.transport), sdk.UnauthorizedError, "connected without a token");
  await first.transport.finishAuth(sdk.finished(provider.response()));
  const second = open();
  await second.client.connect(second.transport);
  return second.client;
}

async function whoami(client) {
  const result = await client.callTool({ name: "whoami", arguments: {} });
  assert.ok(!result.isError, `whoami failed: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
}

await run(async (settings) => {
  const sdk = await SDKS[settings.sdk]();
  const callback = await listenForCallback();
  const exchanges = [];
  try {
    const provider = new Provider(settings, callback);
    const client = await connect(sdk, settings, provider, exchanges);
    const identities = [await whoami(client)];
    const { refresh_token: before } = provider.tokens();
    assert.ok(before, "no refresh token was issued");
    provider.spoilAccessToken();
    identities.push(await whoami(client));
    const rotated = provider.tokens().refresh_token !== before;
    const protocol_version = client.getNegotiatedProtocolVersion?.();
    await client.close();
    return { client_id: provider.clientInformation().client_id, identities, rotated, protocol_version, exchanges };
  } finally {
    callback.close();
  }
});
