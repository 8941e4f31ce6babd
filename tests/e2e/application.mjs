// What the applications of the journeys have in common: how they talk to the journey that started them, and
// the loopback listener that people are sent back to (RFC 8252, section 7.3).
//
// Settings come as JSON on standard input. Standard output is one JSON object a line, each with one member:
//   {"keys": …}     a JSON Web Key Set of the application's public keys, to be published before anything else
//   {"open": URL}   an authorization request, to be opened in the browser
//   {"result": …}   what the application found, at the end
// An application that fails says why on standard error and ends with status 1.

import { createServer } from "node:http";
import { json as readJson } from "node:stream/consumers";

/** Says something to the journey. */
export function tell(what, value) {
  process.stdout.write(`${JSON.stringify({ [what]: value })}\n`);
}

/** Runs an application: `main` is called with the settings, and returns the result. */
export async function run(main) {
  try {
    tell("result", await main(await readJson(process.stdin)));
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

/** Listens for one person who is sent back, at a loopback port: `port`, or one that the system picks. */
export async function listenForCallback(port = 0) {
  const { promise, resolve } = Promise.withResolvers();
  const server = createServer((request, response) => {
    response.end("You can close this window.");
    resolve(new URL(request.url, redirectUri));
  });
  await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  const redirectUri = `http://127.0.0.1:${server.address().port}/callback`;
  return {
    redirectUri,
    /** Opens `url` in the browser; resolves to the URL that the person is sent back with. */
    async authorize(url) {
      tell("open", String(url));
      return promise;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The claims of a JWT, unverified. */
export function decodeJwt(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/**
 * A `fetch` that notes each exchange in `exchanges`: what was asked for and how it ended, and of a token request
 * the parameters that are no secrets.
 */
export function notingFetch(exchanges) {
  return async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const exchange = { method: init?.method ?? "GET", path: pathname, status: response.status };
    if (init?.body instanceof URLSearchParams) {
      const { grant_type, resource, client_id } = Object.fromEntries(init.body);
      const [scheme] = new Headers(init.headers).get("authorization")?.split(" ") ?? [];
      Object.assign(exchange, { grant_type, resource, client_id, scheme });
      exchange.asserted = init.body.has("client_assertion");
    }
    exchanges.push(exchange);
    return response;
  };
}
