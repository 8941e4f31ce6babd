// Passkeys: the only thing here that needs JavaScript. A page marks its place with data-passkey ("sign-in" or "add"); it stays
// hidden where the browser knows no passkeys.

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

/** The options of the server with bytes where `navigator.credentials` wants bytes. */
function readOptions(json) {
  const options = { ...json, challenge: toBytes(json.challenge) };
  if (json.user) options.user = { ...json.user, id: toBytes(json.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (json[list]) options[list] = json[list].map((known) => ({ ...known, id: toBytes(known.id) }));
  }
  return options;
}

/** A credential as JSON (WebAuthn, section 5.1), also in browsers without `toJSON`. */
function writeCredential(credential) {
  const { response } = credential;
  const written = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    written.attestationObject = toText(response.attestationObject);
    written.transports = response.getTransports?.() ?? [];
  } else {
    written.authenticatorData = toText(response.authenticatorData);
    written.signature = toText(response.signature);
    if (response.userHandle) written.userHandle = toText(response.userHandle);
  }
  const extensions = credential.getClientExtensionResults();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: extensions.credProps ? { credProps: { rk: extensions.credProps.rk } } : {},
    response: written,
  };
}

/** What went wrong, by the name that its text has on the page. */
class Problem extends Error {
  constructor(name) {
    super(name);
    this.name = name;
  }
}

async function post(place, path, body) {
  const response = await fetch(place.dataset.endpoint + path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": place.dataset.csrfToken },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (answer.location) {
    location.assign(answer.location);
    // The page is left: nothing more is to happen on it.
    return new Promise(() => {});
  }
  if (!response.ok) throw new Problem({ expired: "expired", known: "known" }[answer.error] ?? "failed");
  return answer;
}

function say(place, error) {
  const name = error instanceof Problem ? error.name : error?.name === "InvalidStateError" ? "known" : "failed";
  place.querySelector("[data-passkey-error]").textContent = place.dataset[name] ?? place.dataset.failed;
}

async function signIn(place, request) {
  const { ceremony, options } = await post(place, "/options", {});
  const credential = await navigator.credentials.get({ ...request, publicKey: readOptions(options) });
  await post(place, "", {
    ceremony,
    credential: writeCredential(credential),
    return_to: place.dataset.returnTo,
  });
}

async function add(place) {
  const { ceremony, options } = await post(place, "/options", {});
  const credential = await navigator.credentials.create({ publicKey: readOptions(options) });
  const name = place.querySelector("[data-passkey-name]")?.value ?? "";
  // On an invitation: what the person is called.
  const person = document.querySelector("[data-person]")?.value ?? "";
  await post(place, "", { ceremony, credential: writeCredential(credential), name, person });
}

/** The browser's own suggestions at the e-mail field, for as long as the page is open. */
function suggest(place) {
  let waiting;
  const again = async () => {
    waiting?.abort();
    waiting = new AbortController();
    try {
      await signIn(place, { mediation: "conditional", signal: waiting.signal });
    } catch (error) {
      if (error?.name !== "AbortError" && error?.name !== "NotAllowedError") say(place, error);
    }
  };
  again();
  // Before the server forgets the ceremony, which it does after ten minutes.
  const timer = setInterval(again, 9 * 60 * 1000);
  return {
    stop() {
      clearInterval(timer);
      waiting?.abort();
    },
  };
}

for (const place of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  place.hidden = false;
  const button = place.querySelector("[data-passkey-button]");
  let suggestions;
  if (place.dataset.passkey === "sign-in" && document.querySelector('input[autocomplete~="webauthn"]')) {
    PublicKeyCredential.isConditionalMediationAvailable?.().then((available) => {
      if (available) suggestions = suggest(place);
    });
  }
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.querySelector("[data-passkey-error]").textContent = "";
    suggestions?.stop();
    try {
      await (place.dataset.passkey === "add" ? add(place) : signIn(place, {}));
    } catch (error) {
      say(place, error);
      if (suggestions) suggestions = suggest(place);
    }
    button.disabled = false;
  });
}
