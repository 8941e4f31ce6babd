// Passkeys, an authenticator app and recovery codes in headless Chromium, with its virtual authenticator.
//
//   node passkeys.mjs <settings.json
//
// Settings: issuer, email, password, chromium, screenshots (a folder). Prints one JSON object: the steps that were taken.
// Ends with status 1 and the reason on standard error if something is off.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { json as readJson } from "node:stream/consumers";
import { launch, openContext, photograph, plugIn } from "./browser.mjs";

const STEP_SECONDS = 30;

const settings = await readJson(process.stdin);
const security = `${settings.issuer}/account/security`;
const steps = [];

async function look(page, name) {
  await photograph(page, settings.screenshots, name);
  steps.push(name);
}

async function signOut(context) {
  await context.clearCookies();
}

async function typePassword(page) {
  await page.goto(`${settings.issuer}/login?return_to=${encodeURIComponent(new URL(security).pathname)}`);
  await page.fill("input[name=email]", settings.email);
  await page.fill("input[type=password]", settings.password);
  await page.press("input[type=password]", "Enter");
}

async function addPasskey(page, device) {
  await typePassword(page);
  await page.waitForURL(security);
  await look(page, "security-before");
  await page.fill("[data-passkey-name]", "Test device");
  await page.click("[data-passkey-button]");
  await page.waitForSelector("text=Test device");
  const keys = await device.keys();
  assert.equal(keys.length, 1, "the device holds one key");
  assert.ok(keys[0].isResidentCredential, "the key is not discoverable");
  // The same device again: the browser looks at what is excluded.
  await page.click("[data-passkey-button]");
  await page.waitForFunction(() => document.querySelector("[data-passkey-error]").textContent !== "");
  assert.match(await page.textContent("[data-passkey-error]"), /already/);
  await look(page, "security-with-passkey");
}

async function signInByPasskey(page, context, device) {
  await signOut(context);
  await device.verifies(false);
  await device.present(false);
  await page.goto(`${settings.issuer}/login?return_to=${encodeURIComponent(new URL(security).pathname)}`);
  await look(page, "sign-in-with-passkey-button");
  await device.present(true);
  await page.click("[data-passkey-button]");
  await page.waitForFunction(() => document.querySelector("[data-passkey-error]").textContent !== "");
  assert.equal(new URL(page.url()).pathname, new URL(`${settings.issuer}/login`).pathname, "nobody was verified");
  await device.verifies(true);
  await page.click("[data-passkey-button]");
  await page.waitForURL(security);
  steps.push("signed-in-by-passkey");
}

/** Where the browser offers the passkey at the e-mail field, nothing has to be clicked on our page. */
async function signInBySuggestion(page, context, device) {
  await signOut(context);
  await device.present(true);
  await page.goto(`${settings.issuer}/login?return_to=${encodeURIComponent(new URL(security).pathname)}`);
  await page.waitForURL(security);
  steps.push("signed-in-by-suggestion");
  await device.present(false);
}

/** RFC 6238, with the secret as it stands on the page. */
function codeOf(secret, step) {
  const bits = [...secret.replace(/\s/g, "")]
    .map((character) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", key).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}

const presentStep = () => Math.floor(Date.now() / 1000 / STEP_SECONDS);

/** Turns an app on. Gives its secret, the step whose code was used, and the recovery codes. */
async function turnAppOn(page) {
  await page.click('form[action$="/account/totp"] button');
  await page.waitForSelector("code.secret");
  const secret = await page.textContent("code.secret");
  const qr = await page.locator("svg.qr").boundingBox();
  assert.ok(qr.width > 150 && qr.height > 150, "the QR code is seen");
  assert.match(await page.getAttribute('a[href^="otpauth:"]', "href"), /^otpauth:\/\/totp\//);
  await look(page, "app-setup");
  const step = presentStep();
  await page.fill("input[name=code]", codeOf(secret, step));
  await page.press("input[name=code]", "Enter");
  await page.waitForSelector("ol.codes");
  const recovery = await page.locator("ol.codes code").allTextContents();
  assert.equal(recovery.length, 10);
  await look(page, "recovery-codes");
  await page.click("a.button");
  await page.waitForURL(security);
  await look(page, "security-with-app");
  return { secret, step, recovery };
}

async function signInByCode(page, context, { secret, step }) {
  await signOut(context);
  await typePassword(page);
  await page.waitForSelector("input[name=code]");
  await look(page, "second-factor");
  // The step of the code that turned the app on is used up; the next one is taken early, for one step of skew.
  await page.fill("input[name=code]", codeOf(secret, step));
  await page.press("input[name=code]", "Enter");
  await page.waitForSelector("#second-factor-error");
  await look(page, "second-factor-wrong");
  await page.fill("input[name=code]", codeOf(secret, step + 1));
  await page.press("input[name=code]", "Enter");
  await page.waitForURL(security);
  steps.push("signed-in-by-code");
}

async function signInByRecoveryCode(page, context, { recovery }) {
  await signOut(context);
  await typePassword(page);
  await page.click("summary");
  await look(page, "second-factor-recovery");
  await page.fill("input[name=recovery_code]", recovery[3].toLowerCase());
  await page.press("input[name=recovery_code]", "Enter");
  await page.waitForURL(security);
  assert.match(await page.textContent("body"), /9 left/);
  steps.push("signed-in-by-recovery-code");
}

/** A passkey in the place of the code. */
async function passkeyAsSecondFactor(page, context, device) {
  await signOut(context);
  await typePassword(page);
  await page.waitForSelector("input[name=code]");
  await device.present(true);
  await page.click("[data-passkey-button]");
  await page.waitForURL(security);
  steps.push("passkey-as-second-factor");
}

/** As it was, for the journeys that come after. */
async function undo(page) {
  await page.click('form[action$="/totp/remove"] button');
  await page.waitForSelector('form[action$="/account/totp"]');
  await page.click("summary");
  await page.click('form[action$="/remove"] button');
  await page.waitForFunction(() => !document.body.textContent.includes("Test device"));
  steps.push("undone");
}

const browser = await launch(settings.chromium);
const { context, complaints } = await openContext(browser);
const page = await context.newPage();
try {
  const device = await plugIn(page, true);
  await addPasskey(page, device);
  await signInByPasskey(page, context, device);
  await signInBySuggestion(page, context, device);
  const app = await turnAppOn(page);
  await signInByCode(page, context, app);
  await signInByRecoveryCode(page, context, app);
  await passkeyAsSecondFactor(page, context, device);
  await undo(page);
  assert.deepEqual(complaints.found, [], "the browser complained");
  console.log(JSON.stringify({ steps }));
} catch (error) {
  console.error(error);
  console.error(`at ${page.url()}`, complaints.found, await page.textContent("body").catch(() => ""));
  process.exitCode = 1;
} finally {
  await browser.close();
}
