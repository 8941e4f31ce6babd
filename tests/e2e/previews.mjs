// Every page with sample data, looked at by axe-core in headless Chromium: no violation of WCAG 2.2 A and AA or of its best
// practices, in every language, in both colour schemes and two widths; with a screenshot of each.
//
//   node previews.mjs <settings.json
//
// Settings: folder (what the example preview_pages wrote), chromium, screenshots (a folder), images (a folder, for the guides). Prints one JSON object: how
// many pages there are. Ends with status 1 and the findings on standard error if something is off.

import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { json as readJson } from "node:stream/consumers";
import { COLOR_SCHEMES, launch, requireFits, VIEWPORTS, violations } from "./browser.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** Pictures of the guides that no journey passes. */
const PICTURES = {
  "sign-in-everything.en": "sign-in-providers.png",
  "security.en": "providers-linked.png",
  "error-not-allowed.en": "not-allowed.png",
  "error-provider-down.en": "provider-down.png",
};
const settings = await readJson(process.stdin);

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

const server = await serve(settings.folder);
const browser = await launch(settings.chromium);
const pages = (await readdir(settings.folder)).filter((name) => name.endsWith(".html") && name !== "index.html").sort();
const found = [];
try {
  const page = await browser.newPage();
  // The passkey button asks the server at once; there is none behind these pages.
  const missing = (response) => response.request().method() === "GET" && response.status() >= 400;
  page.on("response", (response) => missing(response) && found.push(`${response.status()} at ${response.url()}`));
  for (const name of pages) {
    await page.goto(`http://127.0.0.1:${server.address().port}/${name}`);
    const label = path.basename(name, ".html");
    if (settings.images && PICTURES[label]) {
      await page.setViewportSize({ width: 820, height: 500 });
      await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
      await page.screenshot({ path: path.join(settings.images, PICTURES[label]), fullPage: true });
    }
    for (const viewport of VIEWPORTS) {
      await page.setViewportSize(viewport);
      for (const colorScheme of COLOR_SCHEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        const where = `${label}-${viewport.width}-${colorScheme}`;
        await requireFits(page, where).catch((error) => found.push(error.message));
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
