// One person's way through Authgent's pages in headless Chromium.
//
//   node pages.mjs <settings.json
//
// Settings: issuer, resource, email, password, required_scope, optional_scope, admin_scope, chromium,
// screenshots (a folder). Prints one JSON object: what `whoami` told the browser after the first
// authorization, and the pages that were looked at. Ends with status 1 and the reason on standard error if
// something is off.

import assert from "node:assert/strict";
import { json as readJson } from "node:stream/consumers";
import { launch, openContext, photograph, serveClient } from "./browser.mjs";

const WRONG_PASSWORD = "not the password";
const ALREADY_CONNECTED = /already connected/i;

const settings = await readJson(process.stdin);
const issuerOrigin = new URL(settings.issuer).origin;

class Walk {
  constructor(page) {
    this.page = page;
    this.screens = [];
  }

  /** Looks at the page as it is, in every width and colour scheme. */
  async look(name) {
    const { page } = this;
    const prefix = String(this.screens.length + 1).padStart(2, "0");
    await photograph(page, settings.screenshots, `${prefix}-${name}`);
    await this.requireReadable(name);
    this.screens.push(name);
  }

  /** What a screen reader needs: language, title, one main heading, a name for each control. */
  async requireReadable(name) {
    const seen = await this.page.evaluate(() => ({
      language: document.documentElement.lang,
      title: document.title,
      headings: document.querySelectorAll("h1").length,
      unnamed: [...document.querySelectorAll("input:not([type=hidden]), button")]
        .filter((control) => !(control.labels?.length || control.textContent.trim() || control.ariaLabel))
        .map((control) => control.outerHTML),
    }));
    assert.ok(seen.language, `${name}: no lang on <html>`);
    assert.ok(seen.title.trim(), `${name}: no title`);
    assert.equal(seen.headings, 1, `${name}: number of <h1>`);
    assert.deepEqual(seen.unnamed, [], `${name}: controls without a name`);
  }

  async startFromClient(origin, scope) {
    const query = new URLSearchParams({ resource: settings.resource, scope });
    await this.page.goto(`${origin}/?${query}`);
    await this.page.click("#connect");
  }

  async signIn(password) {
    await this.page.fill("input[type=password]", password);
    // By keyboard, as most people do.
    await Promise.all([this.page.waitForEvent("load"), this.page.press("input[type=password]", "Enter")]);
  }

  async decide(decision) {
    await this.page.click(`[name=decision][value=${decision}]`);
  }

  checkbox(scope) {
    return this.page.locator(`input[type=checkbox][value="${scope}"]`);
  }

  async expectSignIn() {
    await this.page.waitForSelector("input[type=password]");
    assert.equal(new URL(this.page.url()).origin, issuerOrigin);
  }

  async expectConsent() {
    await this.page.waitForSelector("[name=decision]");
    assert.equal(new URL(this.page.url()).origin, issuerOrigin);
  }

  /** Waits at the client's callback for what it made of the response. */
  async outcome(origin) {
    await this.page.waitForURL(`${origin}/callback?**`);
    await this.page.waitForFunction(() => document.querySelector("#outcome").textContent !== "");
    const outcome = JSON.parse(await this.page.textContent("#outcome"));
    assert.equal(outcome.failed, undefined, outcome.failed);
    assert.equal(outcome.state_matches, true, "state of the authorization response");
    assert.equal(outcome.iss_matches, true, "iss of the authorization response");
    return outcome;
  }
}

async function firstAuthorization(walk, client) {
  const { page } = walk;
  await walk.startFromClient(client, `${settings.required_scope} ${settings.optional_scope}`);

  await walk.expectSignIn();
  await walk.look("sign-in");
  await page.fill("input[name=email]", settings.email);
  await walk.signIn(WRONG_PASSWORD);
  await walk.expectSignIn();
  assert.equal(await page.inputValue("input[type=password]"), "", "the wrong password was sent back");
  await walk.look("sign-in-refused");

  await page.fill("input[name=email]", settings.email);
  await walk.signIn(settings.password);
  await walk.expectConsent();
  const text = await page.textContent("body");
  assert.match(text, /Tiny client/, "the consent page does not name the client");
  assert.ok(text.includes(new URL(client).hostname), "the consent page does not name the host it returns to");
  assert.ok(await walk.checkbox(settings.optional_scope).isChecked(), "an asked-for scope is not ticked");
  await walk.look("consent");
  await walk.checkbox(settings.optional_scope).uncheck();
  await walk.look("consent-unticked");

  const otherTab = new Walk(await page.context().newPage());
  await otherTab.page.goto(page.url());
  await otherTab.expectConsent();
  await walk.decide("allow");
  const outcome = await walk.outcome(client);
  assert.deepEqual(outcome.token.scope.split(" ").filter((scope) => scope !== "offline_access"), [settings.required_scope]);
  await answeredAlready(walk, otherTab);
  return outcome.identity;
}

/** Answering once more in another tab, or going back to the question: both say that this is done. */
async function answeredAlready(walk, otherTab) {
  const consentUrl = otherTab.page.url();
  await otherTab.decide("allow");
  await otherTab.page.waitForFunction(() => !document.querySelector("[name=decision]"));
  assert.match(await otherTab.page.textContent("h1"), ALREADY_CONNECTED);
  await otherTab.page.close();

  await walk.page.goto(consentUrl);
  assert.match(await walk.page.textContent("h1"), ALREADY_CONNECTED);
  await walk.look("already-connected");
}

/** A client on the person's computer proves nothing of itself: one click, with what was allowed before ticked. */
async function askedAgain(walk, client) {
  await walk.startFromClient(client, settings.required_scope);
  await walk.expectConsent();
  assert.match(await walk.page.textContent("h1"), /again\?/);
  await walk.look("consent-again");
  await walk.decide("allow");
  const outcome = await walk.outcome(client);
  assert.ok(outcome.token.access_token, "no token with a remembered consent");
}

/** Signed out, with the consent remembered: the sign-in form leads to that one click. */
async function askedAgainAfterSignIn(walk, client) {
  await walk.page.context().clearCookies();
  await walk.startFromClient(client, settings.required_scope);
  await walk.expectSignIn();
  await walk.page.fill("input[name=email]", settings.email);
  await walk.signIn(settings.password);
  await walk.expectConsent();
  await walk.decide("allow");
  const outcome = await walk.outcome(client);
  assert.ok(outcome.token.access_token, "no token after a new sign-in");
}

async function grownScopeDenied(walk, client) {
  await walk.startFromClient(client, `${settings.required_scope} ${settings.admin_scope}`);
  await walk.expectConsent();
  await walk.look("consent-grown");
  await walk.decide("deny");
  const outcome = await walk.outcome(client);
  assert.equal(outcome.error, "access_denied");
  assert.equal(outcome.has_code, false, "a refusal carries a code");
}

async function unknownClient(walk) {
  const query = new URLSearchParams({ response_type: "code", client_id: "nobody", redirect_uri: "https://evil.example/" });
  const response = await walk.page.goto(`${settings.issuer}/oauth/authorize?${query}`);
  assert.equal(response.status(), 400, "status for an unknown client");
  assert.equal(new URL(walk.page.url()).origin, issuerOrigin, "an unknown client was redirected to");
  await walk.look("unknown-client");
}

const browser = await launch(settings.chromium);
const { server, origin } = await serveClient();
const { context, complaints } = await openContext(browser);
const page = await context.newPage();
const walk = new Walk(page);
try {
  const identity = await firstAuthorization(walk, origin);
  await askedAgain(walk, origin);
  await askedAgainAfterSignIn(walk, origin);
  await grownScopeDenied(walk, origin);
  await unknownClient(walk);
  assert.deepEqual(complaints.found, [], "the browser complained");
  console.log(JSON.stringify({ identity, screens: walk.screens }));
} catch (error) {
  console.error(error);
  console.error(`at ${page.url()}`, complaints.found);
  process.exitCode = 1;
} finally {
  server.close();
  await browser.close();
}
