// Headless Chromium as the journeys open it, and what each of them asks of every page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { chromium } from "playwright-core";

export const VIEWPORTS = [{ width: 390, height: 844 }, { width: 1280, height: 900 }];
export const COLOR_SCHEMES = ["light", "dark"];
const PATIENCE_MS = 15_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export const launch = (executablePath) => chromium.launch({ executablePath, headless: true, args: FLAGS });

/** A person's browser, without cookies, whose complaints are kept. */
export async function openContext(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  const complaints = new Complaints();
  context.on("page", (page) => complaints.watch(page));
  await complaints.reportPolicyViolations(context);
  return { context, complaints };
}

/** Everything the browser complained about, apart from statuses that the journey provoked. */
export class Complaints {
  found = [];
  provoked = new Set();
  /** Addresses that are not ours, such as a provider's: what is said there is not our concern. */
  foreign = [];

  watch(page) {
    page.on("console", (message) => {
      const { url } = message.location();
      const provoked = message.text().startsWith("Failed to load resource") && this.provoked.has(url);
      if (message.type() === "error" && !provoked && !this.isForeign(url) && !this.isForeign(page.url())) {
        this.found.push(`console at ${url}: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => this.found.push(`script error: ${error}`));
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      const local = protocol === "data:" || ["localhost", "127.0.0.1"].includes(hostname);
      if (!local && !this.isForeign(page.url())) this.found.push(`request to another host: ${request.url()}`);
    });
    page.on("response", (response) => {
      const isPage = response.request().isNavigationRequest();
      if (isPage && response.status() >= 400 && response.status() < 500) this.provoked.add(response.url());
      if (isPage && response.status() >= 500 && !this.isForeign(response.url()) && !this.provoked.has(response.url())) {
        this.found.push(`HTTP ${response.status()} at ${response.url()}`);
      }
    });
  }

  isForeign(url) {
    return this.foreign.some((origin) => url.startsWith(origin));
  }

  /** Reports violations of the content security policy, which the console alone may word differently. */
  async reportPolicyViolations(context) {
    await context.exposeBinding("reportViolation", (_, text) => this.isForeign(text.split(" at ")[1]) || this.found.push(`CSP violation: ${text}`));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        globalThis.reportViolation(`${event.effectiveDirective} blocked ${event.blockedURI} at ${event.documentURI}`),
      );
    });
  }
}

/** A device that holds discoverable keys and verifies whoever holds it. */
export async function plugIn(page, isUserVerified = true) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true,
    },
  });
  const keys = async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  const verifies = (verified) =>
    devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: verified });
  // With it, the browser answers by itself, also the question behind the suggestions at the e-mail field.
  const present = (enabled) =>
    devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
  return { keys, verifies, present };
}

/** Serves the tiny client on a free loopback port; returns its origin. */
export async function serveClient() {
  const folder = path.join(import.meta.dirname, "client");
  const files = { "/client.js": ["client.js", "text/javascript"], "/": ["index.html", "text/html"] };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://client");
    const [name, type] = files[pathname] ?? files["/"];
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` });
    response.end(await readFile(path.join(folder, name)));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** Nothing of the page stands outside of the screen. */
export async function requireFits(page, name) {
  const { scrollWidth, clientWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
  }));
  assert.ok(scrollWidth <= clientWidth, `${name} is ${scrollWidth} wide at ${clientWidth}`);
}

/** Screenshots of the page as it is, in every width and colour scheme. */
export async function photograph(page, folder, name) {
  for (const viewport of VIEWPORTS) {
    await page.setViewportSize(viewport);
    await requireFits(page, name);
    for (const colorScheme of COLOR_SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const file = `${name}-${viewport.width}-${colorScheme}.png`;
      await page.screenshot({ path: path.join(folder, file), fullPage: true });
    }
  }
}

let axe;

/** What axe-core finds on the page as it is, a line each: WCAG 2.2 A and AA, and its best practices. */
export async function violations(page) {
  axe ??= await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(axe);
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html}`));
}
