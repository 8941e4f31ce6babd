// A person comes to Authgent, connects an agent, and takes back what they allowed: by invitation with a passkey, or by their
// company's identity provider. In headless Chromium, at one width.
//
//   node people.mjs <settings.json
//
// Settings: issuer, resource, resource_name, required_scope, optional_scope, optional_words, token_seconds, chromium,
// screenshots (a folder), viewport, and either invitation (the link of the mail) or provider (issuer, login). With images (a
// folder), the pictures of the guides are written there. Prints one JSON object: the pages that were looked at. Ends with
// status 1 and the reason on standard error if something is off.

import assert from "node:assert/strict";
import path from "node:path";
import { json as readJson } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { launch, openContext, plugIn, requireFits, serveClient, violations } from "./browser.mjs";

const settings = await readJson(process.stdin);
const account = `${settings.issuer}/account`;
const seen = [];
/** By how much the demo server lets clocks disagree. */
const CLOCK_SECONDS = 30;
const PROTOCOL_VERSION = "2026-07-28";

/** Looks at the page as it is: nothing stands outside, axe-core finds nothing, a picture is kept. */
async function see(page, name, image) {
  await requireFits(page, name);
  assert.deepEqual(await violations(page), [], name);
  await page.screenshot({ path: path.join(settings.screenshots, `${name}.png`), fullPage: true });
  if (settings.images && image) await picture(page, image);
  seen.push(name);
}

/** A picture for the guides: as on a laptop, and no larger than the page. */
async function picture(page, image) {
  await page.setViewportSize({ width: 820, height: 500 });
  await page.screenshot({ path: path.join(settings.images, image), fullPage: true });
  await page.setViewportSize(settings.viewport);
}

const body = (page) => page.textContent("body");

async function comeByInvitation(page, device) {
  await page.goto(settings.invitation);
  await see(page, "invitation", "invitation.png");
  await page.fill("input[name=name]", "Ada Lovelace");
  await page.click("[data-passkey-button]");
  await page.waitForURL(`${account}/security`);
  assert.equal((await device.keys()).length, 1, "the device holds one key");
  await see(page, "security", "security.png");
  // The link is used up.
  assert.equal((await page.goto(settings.invitation)).status(), 404);
  await see(page, "invitation-used");
  await page.context().clearCookies();
}

async function signInByPasskey(page, device) {
  await device.present(false);
  await page.waitForSelector("[data-passkey-button]");
  await see(page, "sign-in", "sign-in.png");
  await device.present(true);
  await page.click("[data-passkey-button]");
}

/** At the provider's own page. */
async function signInAtProvider(page) {
  await page.waitForURL(`${settings.provider.issuer}/**`);
  await page.fill("input[name=login]", settings.provider.login);
  await page.fill("input[name=password]", "anything");
  await page.press("input[name=password]", "Enter");
}

async function connectAgent(page, client, signIn) {
  const scope = `${settings.required_scope} ${settings.optional_scope}`;
  await page.goto(`${client}/?${new URLSearchParams({ resource: settings.resource, scope })}`);
  await page.click("#connect");
  await signIn();
  await page.waitForSelector("[name=decision]");
  assert.match(await body(page), /Tiny client/);
  await see(page, "consent", "consent.png");
  await page.uncheck(`input[type=checkbox][value="${settings.optional_scope}"]`);
  await page.click("[name=decision][value=allow]");
  await page.waitForURL(`${client}/callback?**`);
  await page.waitForFunction(() => document.querySelector("#outcome").textContent !== "");
  const outcome = JSON.parse(await page.textContent("#outcome"));
  assert.equal(outcome.failed, undefined, outcome.failed);
  const granted = outcome.token.scope.split(" ").filter((scope) => scope !== "offline_access");
  assert.deepEqual(granted, [settings.required_scope], "what was unticked was granted");
  assert.ok(outcome.identity, "the agent's first call");
  const clientId = await page.evaluate(() => sessionStorage.getItem("client_id"));
  return { ...outcome.token, client_id: clientId };
}

async function refresh(token) {
  const response = await fetch(`${settings.issuer}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: token.refresh_token,
      client_id: token.client_id,
      resource: settings.resource,
    }),
  });
  return { status: response.status, ...(await response.json()) };
}

/** The agent calls a tool; returns the status. */
async function call(token) {
  const name = "whoami";
  const meta = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientInfo": { name: "Tiny client", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const response = await fetch(settings.resource, {
    method: "POST",
    headers: {
      Accept: "application/json, text/event-stream",
      Authorization: `Bearer ${token.access_token}`,
      "Content-Type": "application/json",
      "MCP-Protocol-Version": PROTOCOL_VERSION,
      "Mcp-Method": "tools/call",
      "Mcp-Name": name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {}, _meta: meta } }),
  });
  return response.status;
}

async function seeOnAccount(page) {
  await page.goto(account);
  const text = await body(page);
  for (const words of ["Tiny client", settings.resource_name, settings.resource, "in one place"]) {
    assert.ok(text.includes(words), `${words} does not stand on /account: ${text}`);
  }
  assert.ok(!text.includes(settings.optional_words), "what was unticked stands on /account");
  await see(page, "applications", "applications.png");
}

/** The person takes it back, and the agent's next call fails. */
async function disconnect(page, token) {
  const renewed = await refresh(token);
  assert.equal(renewed.status, 200, "the agent renews its access before");
  assert.equal(await call(renewed), 200, "the agent's call before");
  await page.goto(account);
  await page.click('form[action$="/disconnect"] button');
  await page.waitForSelector("text=No application is connected");
  await see(page, "applications-none");
  const refused = await refresh({ ...token, ...renewed });
  assert.deepEqual([refused.status, refused.error], [400, "invalid_grant"]);
  // To be called later: what the agent holds ends with its life, and with the seconds by which clocks may disagree.
  const end = Date.now() + (settings.token_seconds + CLOCK_SECONDS + 1) * 1000;
  return async () => {
    await sleep(Math.max(0, end - Date.now()));
    assert.equal(await call(renewed), 401, "the agent's call after its access has ended");
  };
}

async function lookAround(page, signInAgain) {
  await page.goto(`${account}/sessions`);
  assert.match(await body(page), /This browser/);
  await see(page, "sessions", "sessions.png");
  await page.goto(`${account}/history`);
  const text = await body(page);
  for (const words of ["You allowed Tiny client to use", "You disconnected Tiny client", "You signed in"]) {
    assert.ok(text.includes(words), `${words} is not in the history: ${text}`);
  }
  await see(page, "history", "history.png");
  await page.goto(`${account}/profile`);
  await see(page, "profile");
  await page.goto(`${account}/data`);
  await see(page, "data");
  if (signInAgain) {
    // What the provider does not say to be fresh is not enough to carry the data away.
    await page.click('form[action$="/data/export"] button');
    await signInAgain();
    await page.waitForURL(`${account}/data`);
  }
  const [download] = await Promise.all([page.waitForEvent("download"), page.click('form[action$="/data/export"] button')]);
  const exported = await readJson(await download.createReadStream());
  assert.ok(exported.account.email && exported.events.length > 0);
}

async function deleteAccount(page, email) {
  await page.goto(`${account}/data`);
  await page.fill("input[name=confirm]", email);
  await page.click('form[action$="/data/delete"] button');
  await page.waitForSelector("text=Your account is deleted");
  await see(page, "deleted");
}

/** What the provider's operator does. */
async function operate(order) {
  const response = await fetch(`${settings.provider.issuer}/operator/${order}`, { method: "POST" });
  assert.equal(response.status, 204, await response.text());
}

async function rotationAndOutage(page) {
  await operate("rotate");
  await sleep(6000);
  await page.context().clearCookies();
  await page.goto(account);
  await signInAtProvider(page);
  await page.waitForURL(account);
  // The provider signs people in and then cannot be asked: they are told, and can go on once it answers.
  await operate("fail?path=/token");
  await page.context().clearCookies();
  await page.goto(account);
  await signInAtProvider(page);
  await page.waitForSelector("text=does not answer");
  await see(page, "provider-down");
  await operate("recover");
  await page.click("main a.button");
  await page.waitForURL(account);
}

/** The provider signs them out: their session ends here, and what they allowed in it. */
async function signedOutByProvider(page, client) {
  const token = await connectAgent(page, client, () => page.waitForSelector("[name=decision]"));
  await operate(`sign-out?sub=${settings.provider.login}`);
  const refused = await refresh(token);
  assert.deepEqual([refused.status, refused.error], [400, "invalid_grant"]);
  const answer = await page.context().request.get(account, { maxRedirects: 0 });
  assert.deepEqual([answer.status(), answer.headers().location.split("?")[0]], [303, "/login"], "still signed in");
}

const browser = await launch(settings.chromium);
const { server, origin } = await serveClient();
const { context, complaints } = await openContext(browser, { viewport: settings.viewport, reducedMotion: "reduce" });
const page = await context.newPage();
try {
  if (settings.invitation) {
    const device = await plugIn(page);
    await comeByInvitation(page, device);
    const token = await connectAgent(page, origin, () => signInByPasskey(page, device));
    await seeOnAccount(page);
    const accessEnds = await disconnect(page, token);
    await lookAround(page);
    await accessEnds();
    await deleteAccount(page, settings.email);
  } else {
    complaints.foreign.push(settings.provider.issuer);
    const token = await connectAgent(page, origin, () => signInAtProvider(page));
    await seeOnAccount(page);
    const accessEnds = await disconnect(page, token);
    await lookAround(page, () => signInAtProvider(page));
    await page.goto(`${account}/security`);
    await see(page, "security-providers");
    await rotationAndOutage(page);
    await signedOutByProvider(page, origin);
    await accessEnds();
  }
  // The outage was provoked.
  const found = complaints.found.filter((text) => !(text.includes("503") && text.includes("/idp/callback")));
  assert.deepEqual(found, [], "the browser complained");
  console.log(JSON.stringify({ seen }));
} catch (error) {
  console.error(error);
  console.error(`at ${page.url()}`, complaints.found, await body(page).catch(() => ""));
  await page.screenshot({ path: path.join(settings.screenshots, "failed.png") }).catch(() => {});
  process.exitCode = 1;
} finally {
  server.close();
  await browser.close();
}
