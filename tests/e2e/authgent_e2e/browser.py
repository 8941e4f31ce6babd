"""A person at a browser, for clients that run without a screen.

`Person` walks an authorization request the way a person does: it follows redirects with a cookie jar,
reads the forms of the pages it is shown and submits them. Hidden fields, actions and buttons are taken
from the page, so a page that leaves one out fails here as it would in a real browser.

Run as a program (`python -m authgent_e2e.browser URL`, through `bin/browser`) it is what clients start
as the system's browser: it walks the request, delivers the result to the client's loopback listener and
notes the visit in a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

MAX_STEPS = 12
"""Redirects and pages before a walk is taken for a loop."""

CALLBACK_PATIENCE_SECONDS = 20.0
"""How long the program waits for a client to open its listener; most open the browser first."""

BROWSER_PROGRAM = Path(__file__).resolve().parent.parent / "bin" / "browser"

ENV_EMAIL = "AUTHGENT_E2E_EMAIL"
ENV_PASSWORD = "AUTHGENT_E2E_PASSWORD"
ENV_CHOICE = "AUTHGENT_E2E_CHOICE"
ENV_VISITS = "AUTHGENT_E2E_VISITS"

SIGN_IN = "sign-in"
CONSENT = "consent"


class UnexpectedPage(Exception):
    """A page that a person could not have got past."""


class SignInRefused(Exception):
    """The sign-in page came back after the e-mail address and the password were sent."""


@dataclass
class Control:
    """An `<input>` or `<button>` of a form."""

    name: str
    kind: str
    value: str
    checked: bool = False
    disabled: bool = False


@dataclass
class Form:
    """A form as the page declares it."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[Control]:
        return [control for control in self.controls if control.kind in kinds]

    def button(self, name: str, value: str) -> Control | None:
        return next((b for b in self.of_kind("submit") if (b.name, b.value) == (name, value)), None)

    def submission(
        self, pressed: Control | None, typed: dict[str, str], untick: frozenset[str]
    ) -> dict[str, list[str]]:
        """The fields a browser would send if `pressed` submits the form after `typed` was typed in."""
        sent: dict[str, list[str]] = {}
        for control in self.controls:
            if not control.name or control.disabled:
                # A locked checkbox is shown ticked and never sent.
                continue
            if control.kind == "submit":
                value = control.value if control is pressed else None
            elif control.kind in ("checkbox", "radio"):
                value = control.value if control.checked and control.value not in untick else None
            else:
                value = typed.get(control.name, control.value)
            if value is not None:
                sent.setdefault(control.name, []).append(value)
        return sent


class _FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(attributes.get("action", ""), attributes.get("method", "get").lower())
            self.forms.append(self._open)
        elif tag in ("input", "button") and self._open is not None:
            default_kind = "submit" if tag == "button" else "text"
            default_value = "on" if attributes.get("type") in ("checkbox", "radio") else ""
            self._open.controls.append(
                Control(
                    name=attributes.get("name", ""),
                    kind=attributes.get("type", default_kind).lower(),
                    value=attributes.get("value", default_value),
                    checked="checked" in attributes,
                    disabled="disabled" in attributes,
                )
            )

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def forms_of(html: str) -> list[Form]:
    """The forms of a page."""
    reader = _FormReader()
    reader.feed(html)
    return reader.forms


@dataclass(frozen=True)
class Choice:
    """What the person decides on the consent page."""

    allow: bool = True
    untick: frozenset[str] = frozenset()

    def to_json(self) -> str:
        return json.dumps({"allow": self.allow, "untick": sorted(self.untick)})

    @staticmethod
    def from_json(text: str) -> Choice:
        read = json.loads(text)
        return Choice(allow=read["allow"], untick=frozenset(read["untick"]))


ALLOW_ALL = Choice()


@dataclass
class Visit:
    """One authorization request, from the URL the client opened to the redirect back to it."""

    authorize_url: str
    redirect_url: str = ""
    pages: list[str] = field(default_factory=list)
    scopes_offered: list[str] = field(default_factory=list)

    @property
    def request(self) -> dict[str, str]:
        """The parameters of the authorization request."""
        return single_parameters(self.authorize_url)

    @property
    def response(self) -> dict[str, str]:
        """The parameters of the authorization response."""
        return single_parameters(self.redirect_url)

    @property
    def scopes_requested(self) -> set[str]:
        return set(self.request.get("scope", "").split())


def single_parameters(url: str) -> dict[str, str]:
    """The query of `url`. OAuth 2.1 forbids repeating a parameter, so a repeated one raises."""
    found = {}
    for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items():
        if len(values) != 1:
            raise UnexpectedPage(f"parameter {name} appears {len(values)} times in {url}")
        found[name] = values[0]
    return found


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Person:
    """Somebody with an account, at one browser: cookies last as long as the object."""

    def __init__(self, email: str, password: str) -> None:
        self._email = email
        self._password = password
        self._http = httpx2.Client(timeout=30, follow_redirects=False)

    def authorize(self, url: str, choice: Choice = ALLOW_ALL) -> Visit:
        """Walk the authorization request at `url` until it leaves the authorization server.

        The redirect back to the client is not followed; it is `redirect_url` of the visit.
        """
        visit = Visit(authorize_url=url)
        home = origin_of(url)
        answer = self._http.get(url)
        for _ in range(MAX_STEPS):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if origin_of(target) != home:
                    visit.redirect_url = target
                    return visit
                answer = self._http.get(target)
            else:
                answer = self._use_page(answer, choice, visit)
        raise UnexpectedPage(f"still on {home} after {MAX_STEPS} steps: {visit.pages}")

    def _use_page(self, page: httpx2.Response, choice: Choice, visit: Visit) -> httpx2.Response:
        for form in forms_of(page.text):
            if form.of_kind("password"):
                return self._sign_in(page, form, visit)
            if form.button("decision", "allow") or form.button("decision", "deny"):
                return self._decide(page, form, choice, visit)
        raise UnexpectedPage(
            f"HTTP {page.status_code} at {page.url} has neither a sign-in nor a consent form:\n{page.text[:2000]}"
        )

    def _sign_in(self, page: httpx2.Response, form: Form, visit: Visit) -> httpx2.Response:
        if SIGN_IN in visit.pages:
            raise SignInRefused(f"HTTP {page.status_code} at {page.url}")
        visit.pages.append(SIGN_IN)
        [password] = form.of_kind("password")
        [email] = form.of_kind("email", "text")
        typed = {email.name: self._email, password.name: self._password}
        return self._submit(page, form, form.submission(form.of_kind("submit")[0], typed, frozenset()))

    def _decide(self, page: httpx2.Response, form: Form, choice: Choice, visit: Visit) -> httpx2.Response:
        visit.pages.append(CONSENT)
        boxes = form.of_kind("checkbox")
        visit.scopes_offered = [box.value for box in boxes]
        missing = choice.untick - {box.value for box in boxes if not box.disabled}
        if missing:
            raise UnexpectedPage(f"no box to untick for {sorted(missing)} at {page.url}")
        wanted = "allow" if choice.allow else "deny"
        pressed = form.button("decision", wanted)
        if pressed is None:
            raise UnexpectedPage(f"no button decision={wanted} at {page.url}")
        return self._submit(page, form, form.submission(pressed, {}, choice.untick))

    def _submit(self, page: httpx2.Response, form: Form, fields: dict[str, list[str]]) -> httpx2.Response:
        if form.method != "post":
            raise UnexpectedPage(f"the form at {page.url} would put its fields into a URL")
        # A browser sends both headers with a form, and a server may check them.
        headers = {"Origin": origin_of(str(page.url)), "Referer": str(page.url)}
        return self._http.post(urljoin(str(page.url), form.action), data=fields, headers=headers)


class Visits:
    """The visits that the browser program noted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Visit]:
        if not self._path.exists():
            return []
        return [Visit(**json.loads(line)) for line in self._path.read_text().splitlines()]


@contextlib.contextmanager
def as_system_browser(email: str, password: str, visits: Path, choice: Choice = ALLOW_ALL) -> Iterator[Visits]:
    """Make `bin/browser` the browser of this process and of those it starts, for one account and choice."""
    settings = {
        "BROWSER": str(BROWSER_PROGRAM),
        "AUTHGENT_E2E_PYTHON": sys.executable,
        ENV_EMAIL: email,
        ENV_PASSWORD: password,
        ENV_CHOICE: choice.to_json(),
        ENV_VISITS: str(visits),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield Visits(visits)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def deliver(redirect_url: str, patience: float = CALLBACK_PATIENCE_SECONDS) -> None:
    """Request a client's loopback callback, waiting for its listener to come up."""
    deadline = time.monotonic() + patience
    while True:
        try:
            httpx2.get(redirect_url, timeout=30)
            return
        except httpx2.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def main() -> None:
    person = Person(os.environ[ENV_EMAIL], os.environ[ENV_PASSWORD])
    visit = person.authorize(sys.argv[1], Choice.from_json(os.environ[ENV_CHOICE]))
    # Noted before it is delivered: the client may go on, and be looked at, as soon as it has the code.
    with Path(os.environ[ENV_VISITS]).open("a") as visits:
        visits.write(json.dumps(asdict(visit)) + "\n")
    deliver(visit.redirect_url)


if __name__ == "__main__":
    main()
