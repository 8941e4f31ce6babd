// Every page with sample data, looked at by axe-core in headless Chromium: no violation of WCAG 2.2 A and AA or of its best
// practices, in every language, in both colour schemes and two widths; with a screenshot of each.
//
//   node previews.mjs <settings.json
//
// Settings: folder (what the example preview_pages wrote), chromium, screenshots (a folder). Prints one JSON object: how
// many pages there are. Ends with status 1 and the findings on standard error if something is off.

import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { json as readJson } from "node:stream/consumers";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const VIEWPORTS = [{ width: 390, height: 844 }, { width: 1280, height: 900 }];
const COLOR_SCHEMES = ["light", "dark"];
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"];

const settings = await readJson(process.stdin);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Serves the folder on a free loopback port. */
async function serve(folder) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://pages");
    try {
      const body = await readFile(path.join(folder, path.normalize(pathname)));
      response.writeHead(200, { "Content-Type": TYPES[path.extname(pathname)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** What axe-core finds on the page as it is, a line each. */
async function violations(page) {
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html}`));
}

const server = await serve(settings.folder);
const browser = await chromium.launch({ executablePath: settings.chromium, headless: true, args: FLAGS });
const pages = (await readdir(settings.folder)).filter((name) => name.endsWith(".html") && name !== "index.html").sort();
const found = [];
try {
  const page = await browser.newPage();
  // The passkey button asks the server at once; there is none behind these pages.
  const missing = (response) => response.request().method() === "GET" && response.status() >= 400;
  page.on("response", (response) => missing(response) && found.push(`${response.status()} at ${response.url()}`));
  for (const name of pages) {
    await page.goto(`http://127.0.0.1:${server.address().port}/${name}`);
    await page.evaluate(axe);
    const label = path.basename(name, ".html");
    for (const viewport of VIEWPORTS) {
      await page.setViewportSize(viewport);
      for (const colorScheme of COLOR_SCHEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        const where = `${label}-${viewport.width}-${colorScheme}`;
        const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        if (wider) found.push(`${where}: wider than the screen`);
        found.push(...(await violations(page)).map((violation) => `${where}: ${violation}`));
        await page.screenshot({ path: path.join(settings.screenshots, `${where}.png`), fullPage: true });
      }
    }
  }
} finally {
  await browser.close();
  server.close();
}
if (pages.length === 0) found.push(`there are no pages in ${settings.folder}`);
console.log(JSON.stringify({ pages: pages.length }));
if (found.length > 0) {
  console.error(found.join("\n"));
  process.exitCode = 1;
}
