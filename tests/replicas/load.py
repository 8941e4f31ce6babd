#!/usr/bin/env python3
"""Honest clients of several replicas, while parts of the deployment die: tests/replicas/run starts this program.

It needs Python 3.9 and nothing else. Three kinds of clients talk to the load balancer all the time:

  chains     use a refresh token, get its successor, use that, and so on. Every tenth time the used token is presented once
             more, as a second window of the same client would: the answer must be the same successor.
  people     let a client in (authorization request, code, tokens), with the session and the consent of one sign-in.
             The refresh token is put aside, and must work at the end. Then the code is presented again, and must be refused.
  programs   get access tokens with client_credentials, and look whether the key that signed them is published, and was not
             withdrawn before they asked.

A client is honest: where it gets no answer, or a 5xx, it tries again with the same refresh token, soon at first and every
two seconds at most, for less time than AUTHGENT_REFRESH_GRACE. A code is never sent twice; its client asks for a new one.

What counts as acknowledged: a refresh token or a code that stood in an answer, a sign-in, a consent. It is lost where it is
refused later. Exit status 0 if nothing was lost, nothing was accepted that must not be, and everybody went on in the end.
"""

import argparse
import base64
import collections
import hashlib
import html.parser
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse

CALLBACK = "https://client.example/callback"
# How long a client waits for one answer, and how long it keeps trying: less than the grace of the deployment, 120 seconds.
ANSWER_SECONDS = 12
PATIENCE_SECONDS = 100


class NoAnswer(Exception):
    """The connection failed, or nothing came in time."""


class Forms(html.parser.HTMLParser):
    """The forms of a page, each with its action and the fields that a browser would send."""

    def __init__(self, page):
        super().__init__()
        self.forms = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self.forms.append((values.get("action", ""), []))
        elif tag == "input" and self.forms and values.get("name") and "disabled" not in values:
            kind = values.get("type", "text")
            if kind in ("submit", "button", "reset") or (kind in ("checkbox", "radio") and "checked" not in values):
                return
            self.forms[-1][1].append((values["name"], values.get("value") or ""))

    def with_field(self, name):
        for action, fields in self.forms:
            if any(field == name for field, _ in fields):
                return action, fields
        return None


class Http:
    """One connection to the load balancer, opened again where it broke. Cookies are kept."""

    def __init__(self, issuer, cookies=None):
        self.base = urllib.parse.urlsplit(issuer)
        self.cookies = dict(cookies or {})
        self.connection = None

    def request(self, method, path, form=None, headers=None):
        """(status, headers, body), or NoAnswer."""
        body = None if form is None else urllib.parse.urlencode(form)
        headers = {"Host": self.base.netloc, **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            if self.connection is None:
                # Only this machine is ever asked, whatever the issuer is called.
                self.connection = http.client.HTTPConnection("127.0.0.1", self.base.port, timeout=ANSWER_SECONDS)
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(type(error).__name__) from error
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, response.headers, text

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Journal:
    """What happened, and when. Times are seconds since the beginning."""

    def __init__(self):
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.events = [(0.0, "nothing happens")]
        self.successes = []  # (began, ended, kind, tries)
        self.failures = []  # (time, what)
        self.lost = []  # (time, what)
        self.given_up = []  # (time, what)
        self.restarted = 0

    def now(self):
        return time.monotonic() - self.began

    def event(self, name):
        with self.lock:
            self.events.append((self.now(), name))
        say(f"{self.now():6.1f} s  {name}")

    def success(self, began, kind, tries):
        with self.lock:
            self.successes.append((began, self.now(), kind, tries))

    def failure(self, what):
        with self.lock:
            self.failures.append((self.now(), what))

    def loss(self, what):
        with self.lock:
            self.lost.append((self.now(), what))
        say(f"{self.now():6.1f} s  LOST: {what}")

    def gave_up(self, what):
        with self.lock:
            self.given_up.append((self.now(), what))
        say(f"{self.now():6.1f} s  GAVE UP: {what}")


def say(text):
    print(text, flush=True)


def backoff(tries):
    return min(0.1 * 2 ** min(tries, 5), 2.0) * random.uniform(0.7, 1.0)


class World:
    """What all clients know."""

    def __init__(self, options):
        self.issuer = options.issuer
        self.resource = options.resource
        self.web = options.web
        self.program = options.program
        self.email, self.password = options.email, options.password
        self.journal = Journal()
        self.stop = threading.Event()
        self.parked = []  # refresh tokens that nobody used yet, each with the form that its code was redeemed with
        self.cookies = {}
        self.keys = set()
        self.withdrawn = frozenset()

    def retry(self, kind, attempt, what):
        """Does `attempt` until it gives something, as an honest client does; None where patience ended first."""
        journal, began, tries = self.journal, self.journal.now(), 0
        while journal.now() - began < PATIENCE_SECONDS:
            tries += 1
            try:
                outcome = attempt()
            except NoAnswer as error:
                journal.failure(f"no answer ({error})")
            else:
                if outcome is not None:
                    if kind is not None:
                        journal.success(began, kind, tries)
                    return outcome
            time.sleep(backoff(tries))
        journal.gave_up(f"{what}: no answer for {PATIENCE_SECONDS} s")
        return None

    def granted(self, kind, client, connection, form, what):
        """What the token endpoint answers to a right that was acknowledged; None where it was lost or patience ended."""
        outcome = self.retry(kind, lambda: self.token(client, connection, form), what)
        if outcome is None:
            return None
        status, answer = outcome
        if status != 200:
            self.journal.loss(f"{what}: {status} {answer.get('error')}: {answer.get('error_description')}")
            return None
        return answer

    def token(self, client, connection, form):
        """One POST to the token endpoint: (status, JSON), None where it is worth another try, or NoAnswer."""
        status, _, body = connection.request("POST", "/oauth/token", form, {"Authorization": basic(client)})
        if status >= 500:
            self.journal.failure(str(status))
            return None
        try:
            return status, json.loads(body)
        except ValueError:
            self.journal.failure(f"{status} without JSON")
            return None


def basic(client):
    return "Basic " + base64.b64encode(":".join(client).encode()).decode()


def verifier():
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


class Person:
    """One browser: signs in once, then lets the client in again and again."""

    def __init__(self, world):
        self.world = world
        self.connection = Http(world.issuer, world.cookies)

    def authorization_request(self, code_verifier):
        challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        return "/oauth/authorize?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": self.world.web[0], "redirect_uri": CALLBACK, "state": "s",
            "scope": "mcp:read", "resource": self.world.resource,
            "code_challenge": challenge, "code_challenge_method": "S256",
        })

    def sign_in(self):
        """With the forms of the pages, before anything is broken: the session and the consent are remembered from then on."""
        path = self.authorization_request(verifier())
        status, headers, body = self.connection.request("GET", path)
        for _ in range(12):
            if status in (302, 303):
                location = urllib.parse.urlsplit(urllib.parse.urljoin(self.world.issuer + path, headers["Location"]))
                if location.netloc != self.connection.base.netloc:
                    self.world.cookies = dict(self.connection.cookies)
                    return
                path = location.path + ("?" + location.query if location.query else "")
                status, headers, body = self.connection.request("GET", path)
                continue
            forms = Forms(body)
            typed = {"email": self.world.email, "password": self.world.password}
            form = forms.with_field("password")
            if form is None:
                form, typed = forms.with_field("interaction"), {"decision": "allow"}
            if form is None or status != 200:
                break
            action, fields = form
            fields = [(name, value) for name, value in fields if name not in typed] + list(typed.items())
            path = urllib.parse.urljoin(path, action)
            status, headers, body = self.connection.request("POST", path, fields)
        raise SystemExit(f"load: cannot sign in: {status} at {path.split('?')[0]}: {body[:400]}")

    def code(self, code_verifier):
        """A code that was acknowledged, or None where patience ended or something acknowledged was lost."""
        path = self.authorization_request(code_verifier)

        def attempt():
            status, headers, _ = self.connection.request("GET", path)
            if status >= 500:
                self.world.journal.failure(str(status))
                return None
            location = headers.get("Location") or ""
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
            if location.startswith(CALLBACK) and "code" in query:
                return query["code"]
            if query.get("error") in ("temporarily_unavailable", "server_error"):
                self.world.journal.failure(query["error"])
                return None
            # A page to sign in or to consent: the session or the consent is gone.
            return ("lost", f"{status} {location.split('?')[0]}")

        outcome = self.world.retry("authorize", attempt, "an authorization request")
        if isinstance(outcome, tuple):
            self.world.journal.loss(f"a sign-in or a consent: {outcome[1]}")
            return None
        return outcome

    def tokens(self):
        """The tokens of a new grant, and the code that they came from."""
        while True:
            code_verifier = verifier()
            code = self.code(code_verifier)
            if code is None:
                return None
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                    "code_verifier": code_verifier, "resource": self.world.resource}
            began = self.world.journal.now()
            try:
                outcome = self.world.token(self.world.web, self.connection, form)
            except NoAnswer as error:
                self.world.journal.failure(f"no answer ({error})")
                outcome = None
            if outcome is None:
                # Nobody knows whether the code was redeemed. Sent again it would end the grant, so a new one is asked for.
                self.world.journal.restarted += 1
                time.sleep(backoff(1))
                continue
            status, answer = outcome
            if status != 200:
                self.world.journal.loss(f"a code that was never used before: {status} {answer.get('error')}")
                return None
            self.world.journal.success(began, "code", 1)
            return answer["refresh_token"], form


def refresh(world, connection, token, kind="refresh"):
    """The successor of a refresh token that was acknowledged; None where it was lost or patience ended."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    answer = world.granted(kind, world.web, connection, form, "a refresh token")
    return answer and answer["refresh_token"]


def chain(world, token, pause):
    """Uses one refresh token after the other. True where it still goes on at the end."""
    connection, rotations = Http(world.issuer), 0
    while not world.stop.is_set():
        successor = refresh(world, connection, token)
        if successor is None:
            return False
        rotations += 1
        if rotations % 10 == 0:
            again = refresh(world, connection, token, kind="again")
            if again is None:
                return False
            if again != successor:
                world.journal.loss("a refresh token: it has two successors")
                return False
        token = successor
        world.stop.wait(random.uniform(0.5, 1.5) * pause)
    # Whatever the last answer promised must still hold now.
    return refresh(world, connection, token, kind="last") is not None


def people(world, pause):
    """Lets a client in again and again."""
    person = Person(world)
    while not world.stop.is_set():
        granted = person.tokens()
        if granted is None:
            return False
        with world.journal.lock:
            world.parked.append(granted)
        world.stop.wait(random.uniform(0.5, 1.5) * pause)
    return True


def program(world, pause):
    """Gets access tokens for itself."""
    connection = Http(world.issuer)
    form = {"grant_type": "client_credentials", "resource": world.resource, "scope": "mcp:read"}
    while not world.stop.is_set():
        withdrawn = world.withdrawn
        answer = world.granted("client_credentials", world.program, connection, form, "the right of a program")
        if answer is None:
            return False
        header = answer["access_token"].split(".")[0]
        key = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]
        if key in withdrawn:
            world.journal.loss(f"an access token is signed with the key {key}, which was withdrawn before it was asked for")
            return False
        # Replicas take note of each other's new keys within a second.
        deadline = time.monotonic() + 2
        while key not in world.keys and key not in published_keys(world, connection) and time.monotonic() < deadline:
            time.sleep(0.2)
        if key not in world.keys:
            world.journal.loss(f"an access token is signed with the key {key}, which is not published")
            return False
        world.stop.wait(random.uniform(0.5, 1.5) * pause)
    return True


def published_keys(world, connection):
    def attempt():
        status, _, body = connection.request("GET", "/.well-known/jwks.json")
        return {key["kid"] for key in json.loads(body)["keys"]} if status == 200 else None

    published = world.retry(None, attempt, "the keys") or set()
    world.keys |= published
    return published


class Containers:
    """The parts of the deployment, and what can happen to them."""

    def __init__(self, options, world):
        self.replicas, self.database = options.replica, options.database
        self.options, self.world, self.journal = options, world, world.journal

    def docker(self, *arguments):
        subprocess.run(["docker", *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120)

    def healthy(self, *containers):
        """Waits until all are healthy again: without help, or the run fails."""
        deadline = time.monotonic() + 90
        for container in containers:
            while True:
                answer = subprocess.run(["docker", "inspect", "--format", "{{.State.Health.Status}}", container],
                                        check=True, capture_output=True, text=True, timeout=60)
                if answer.stdout.strip() == "healthy":
                    break
                if time.monotonic() > deadline:
                    self.journal.gave_up(f"{container} is {answer.stdout.strip()} 90 s after the event")
                    break
                time.sleep(0.5)

    def not_ready_without_database(self):
        """Readiness is false while PostgreSQL is away. `authgent health` asks for it, as the health check does."""
        health = subprocess.run(["docker", "exec", self.replicas[0], "authgent", "health"], capture_output=True, timeout=60)
        if health.returncode == 0:
            self.journal.gave_up("replica 1 calls itself ready without PostgreSQL")

    def settle(self):
        self.healthy(self.database, *self.replicas)
        time.sleep(self.options.settle)

    def kill(self, name, *containers):
        self.journal.event(name)
        self.docker("kill", "--signal", "KILL", *containers)
        time.sleep(self.options.down)
        if self.database in containers:
            self.not_ready_without_database()
        self.docker("start", *containers)
        self.settle()

    def pause(self, name, container):
        self.journal.event(name)
        self.docker("pause", container)
        time.sleep(self.options.pause)
        if container == self.database:
            self.not_ready_without_database()
        self.docker("unpause", container)
        self.settle()

    def restart(self, name, container):
        self.journal.event(name)
        self.docker("restart", container)
        self.settle()

    def rotate(self, name, container, leaked):
        """One replica is told; two seconds later all sign with the new key, and publish what they should."""
        self.journal.event(name)
        before = frozenset(published_keys(self.world, Http(self.world.issuer)))
        self.docker("exec", container, "authgent", "key", "rotate", "--leaked" if leaked else "--now")
        time.sleep(2)
        for _ in range(6):
            after = published_keys(self.world, Http(self.world.issuer))
            if not after - before or (before & after if leaked else before - after):
                self.journal.gave_up("a replica publishes other keys than it should")
        if leaked:
            self.world.withdrawn |= before
        self.settle()

    def run(self):
        first, second, third = self.replicas
        pause = f"{self.options.pause:g} s"
        events = [
            (self.kill, "replica 1 is killed", first),
            (self.kill, "replica 2 is killed", second),
            (self.kill, "replica 3 is killed", third),
            (self.restart, "replica 1 is restarted in order", first),
            (self.rotate, "the signing key is replaced", first, False),
            (self.rotate, "the signing key has leaked", second, True),
            (self.restart, "PostgreSQL is restarted in order", self.database),
            (self.kill, "PostgreSQL is killed", self.database),
            (self.pause, f"replica 2 hangs for {pause}", second),
            (self.pause, f"PostgreSQL hangs for {pause}", self.database),
            (self.kill, "PostgreSQL and replica 3 are killed at once", self.database, third),
            (self.kill, "all replicas are killed at once", first, second, third),
        ]
        chosen = [event for event in events if self.options.only in event[1]]
        if not chosen:
            self.journal.gave_up(f"no event has {self.options.only!r} in its name")
        time.sleep(self.options.settle)
        for happen, name, *arguments in chosen:
            happen(name, *arguments)


def verify_parked(world):
    """Refresh tokens that were acknowledged during the run and not used since must work, and their codes must not."""
    connection, accepted, works = Http(world.issuer), 0, 0
    for token, _ in world.parked:
        if refresh(world, connection, token, kind="parked") is not None:
            works += 1
    for _, form in world.parked:
        outcome = world.retry(None, lambda form=form: world.token(world.web, connection, form), "a used code")
        refused = outcome is not None and outcome[0] == 400 and outcome[1].get("error") == "invalid_grant"
        accepted += not refused
    return works, accepted


def report(world, began, ended, chains):
    """The table, per event. What takes longer belongs to the event in whose time its middle lies."""
    journal = world.journal
    starts = [start for start, _ in journal.events] + [float("inf")]

    def window(rows, index, middle=lambda row: (row[0] + row[1]) / 2):
        return [row for row in rows if starts[index] <= middle(row) < starts[index + 1]]

    def moments(rows, index):
        return window(rows, index, lambda row: row[0])

    ends = sorted(row[1] for row in journal.successes if row[1] <= ended)
    silences = list(zip([began] + ends, ends + [ended]))
    say("")
    say(f"{'what happens':<46}{'answered':>9}{'failed':>8}{'recovered':>10}{'lost':>6}{'longest wait':>14}{'longest silence':>17}")
    for index, (_, name) in enumerate(journal.events):
        done = window(journal.successes, index)
        failed = moments(journal.failures, index)
        waits = max((row[1] - row[0] for row in done), default=0.0)
        silence = max((later - earlier for earlier, later in window(silences, index)), default=0.0)
        recovered = sum(1 for row in done if row[3] > 1)
        say(f"{name:<46}{len(done):>9}{len(failed):>8}{recovered:>10}{len(moments(journal.lost, index)):>6}"
            f"{waits:>12.2f} s{silence:>15.2f} s")
        kinds = collections.Counter(what for _, what in failed)
        if kinds:
            say("    " + ", ".join(f"{what}: {number}" for what, number in kinds.most_common()))
    say("")
    kinds = collections.Counter(kind for _, _, kind, _ in journal.successes)
    say("answered:            " + ", ".join(f"{kind} {number}" for kind, number in kinds.most_common()))
    say(f"recovered:           {sum(1 for row in journal.successes if row[3] > 1)} operations were answered after a retry, "
        f"{journal.restarted} codes were asked for anew")
    say(f"chains alive:        {sum(chains)} of {len(chains)}")
    say(f"longest wait:        {max((row[1] - row[0] for row in journal.successes), default=0.0):.2f} s for one client")
    say(f"longest silence:     {max((later - earlier for earlier, later in silences), default=0.0):.2f} s in which nobody was answered")
    say(f"acknowledged, lost:  {len(journal.lost)}")
    say(f"given up:            {len(journal.given_up)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issuer", required=True, help="http://localhost:PORT")
    parser.add_argument("--resource", required=True)
    parser.add_argument("--replica", action="append", required=True, help="a container; three times")
    parser.add_argument("--database", required=True, help="the container of PostgreSQL")
    parser.add_argument("--chains", type=int, default=24)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--programs", type=int, default=3)
    parser.add_argument("--think", type=float, default=0.2, help="seconds between two requests of a client")
    parser.add_argument("--down", type=float, default=5, help="seconds that something killed stays away")
    parser.add_argument("--pause", type=float, default=20, help="seconds that something hangs")
    parser.add_argument("--settle", type=float, default=5, help="seconds of load after everything is healthy again")
    parser.add_argument("--only", default="", help="only the events with this in their name")
    options = parser.parse_args()
    if len(options.replica) != 3:
        parser.error("--replica is needed three times")
    # Secrets come in the environment, since arguments are there for everybody to read.
    options.web = (os.environ["WEB_CLIENT_ID"], os.environ["WEB_CLIENT_SECRET"])
    options.program = (os.environ["PROGRAM_CLIENT_ID"], os.environ["PROGRAM_CLIENT_SECRET"])
    options.email, options.password = os.environ["EMAIL"], os.environ["PASSWORD"]

    world = World(options)
    Person(world).sign_in()
    published_keys(world, Http(world.issuer))
    opener = Person(world)
    grants = [opener.tokens() for _ in range(options.chains + 20)]
    if any(grant is None for grant in grants):
        raise SystemExit("load: the chains could not be opened")
    # Twenty grants are not used until the end: everything that happens happens to them too.
    world.parked = grants[options.chains:]
    say(f"load: {options.chains} chains, {options.people} people, {options.programs} programs, and 20 grants at rest")

    world.journal = Journal()
    outcomes = {}

    def start(name, function, *arguments):
        def run():
            outcomes[name] = False
            try:
                outcomes[name] = function(world, *arguments)
            except Exception as error:  # A client that ends with an error is a failure of the run, with its reason.
                world.journal.gave_up(f"{name} ended with {error!r}")

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    began = world.journal.now()
    threads = [start(f"chain {n}", chain, grants[n][0], options.think) for n in range(options.chains)]
    threads += [start(f"person {n}", people, options.think) for n in range(options.people)]
    threads += [start(f"program {n}", program, options.think) for n in range(options.programs)]
    try:
        Containers(options, world).run()
    finally:
        ended = world.journal.now()
        world.stop.set()
        deadline = time.monotonic() + PATIENCE_SECONDS + ANSWER_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    world.journal.event("afterwards: what was put aside is used")
    works, accepted = verify_parked(world)
    chains = [outcomes.get(f"chain {n}", False) for n in range(options.chains)]
    report(world, began, ended, chains)
    say(f"tokens put aside:    {works} of {len(world.parked)} work")
    say(f"codes used twice:    {accepted} of {len(world.parked)} accepted")
    good = (all(chains) and all(outcomes.values()) and works == len(world.parked) and accepted == 0
            and not world.journal.lost and not world.journal.given_up)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
