"""Authgent and the MCP servers behind it, as an operator would set them up: environment and CLI only."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .browser import Person
from .processes import Process, free_port

REPOSITORY = Path(__file__).resolve().parents[3]
FASTMCP_SERVER = REPOSITORY / "deploy" / "fastmcp" / "server.py"
BINARIES = Path(os.environ.get("AUTHGENT_E2E_BIN", REPOSITORY / "target" / "debug"))

READ = "mcp:read"
WRITE = "mcp:write"
ADMIN = "admin"
SCOPES = {READ: "See your projects", WRITE: "Create projects", ADMIN: "Delete anybody's projects"}

CLI_SECONDS = 60
DEMO_PATH = "/mcp"
WELL_KNOWN = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True)
class Account:
    """A local user."""

    email: str
    password: str
    name: str
    sub: str

    def person(self) -> Person:
        """The account's owner at a fresh browser, not signed in."""
        return Person(self.email, self.password)


@dataclass(frozen=True)
class Authgent:
    """A running authorization server, with its CLI on the same database."""

    issuer: str
    metadata_url: str
    environment: dict[str, str]
    folder: Path

    def cli(self, *arguments: str, stdin: str | None = None) -> dict:
        """Run `authgent … --json` beside the server and return what it printed."""
        done = subprocess.run(
            [BINARIES / "authgent", *arguments, "--json"],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=CLI_SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"authgent {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def add_user(self, email: str, name: str) -> Account:
        password = secrets.token_urlsafe(18)
        added = self.cli("user", "add", email, "--name", name, "--password-stdin", stdin=password + "\n")
        return Account(email=email, password=password, name=name, sub=added["sub"])

    def add_resource(self, uri: str, name: str) -> None:
        scopes = [argument for scope, words in SCOPES.items() for argument in ("--scope", f"{scope}={words}")]
        self.cli("resource", "add", uri, "--name", name, *scopes, "--default-scope", READ)


@dataclass(frozen=True)
class Stack:
    """One authorization server, the MCP servers that trust it, and one account."""

    authgent: Authgent
    account: Account
    demo_url: str
    fastmcp_url: str | None
    origin_demo_url: str | None = None
    """Another `mcp-demo`, whose resource is its origin: a URL without a path."""


def environment(**settings: str) -> dict[str, str]:
    """The environment of a program under test: what it needs to run at all, and `settings`.

    Nothing else is inherited, so that a developer's own AUTHGENT_ variables cannot decide a journey.
    """
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return inherited | settings


class Launcher:
    """Starts stacks, each in a folder of its own, and stops all their processes."""

    def __init__(self, work: Path, logs: Path) -> None:
        self._work = work
        self._logs = logs
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start(self, name: str, host: str, path: str = "", more_servers: bool = False, **settings: str) -> Stack:
        """Start a stack whose issuer is `http://host:PORT` + `path`; `settings` go to Authgent.

        `more_servers` are those that only one stack needs: the FastMCP server, and `mcp-demo` as an origin.
        """
        folder = self._work / name
        folder.mkdir(parents=True)
        authgent = self._start_authgent(name, folder, host, path, settings)
        account = authgent.add_user("ada@example.com", "Ada Lovelace")
        demo_url = self._start_demo(name, folder, authgent)
        if not more_servers:
            return Stack(authgent, account, demo_url, fastmcp_url=None)
        origin_demo_url = self._start_demo(f"{name}-origin", folder, authgent, resource_path="")
        return Stack(authgent, account, demo_url, self._start_fastmcp(name, folder, authgent), origin_demo_url)

    def _run(self, name: str, command: list[str], settings: dict[str, str], folder: Path) -> Process:
        process = Process(name, command, settings, self._logs / f"{name}.log", folder)
        self._running.callback(process.stop)
        return process

    def _start_authgent(self, name: str, folder: Path, host: str, path: str, settings: dict[str, str]) -> Authgent:
        key = folder / "ec-private.pem"
        subprocess.run(
            ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key],
            check=True,
            capture_output=True,
        )
        port = free_port()
        origin = f"http://{host}:{port}"
        configured = environment(
            AUTHGENT_ISSUER=origin + path,
            AUTHGENT_HOST="127.0.0.1",
            AUTHGENT_PORT=str(port),
            AUTHGENT_SIGNING_KEY=str(key),
            AUTHGENT_DB_DSN=f"sqlite://{folder / 'authgent.db'}",
            **settings,
        )
        authgent = Authgent(origin + path, origin + WELL_KNOWN + path, configured, folder)
        process = self._run(f"{name}-authgent", [str(BINARIES / "authgent"), "serve"], configured, folder)
        process.wait_for(authgent.metadata_url)
        return authgent

    def _start_demo(self, name: str, folder: Path, authgent: Authgent, resource_path: str = DEMO_PATH) -> str:
        port = free_port()
        origin = f"http://localhost:{port}"
        resource = origin + resource_path
        authgent.add_resource(resource, "Demo projects")
        settings = environment(
            MCP_HOST="127.0.0.1",
            MCP_PORT=str(port),
            MCP_AUDIENCE=resource,
            AUTHGENT_ISSUER=authgent.issuer,
            MCP_DB_DSN=f"sqlite://{folder / f'{name}-mcp-demo.db'}",
        )
        process = self._run(f"{name}-mcp-demo", [str(BINARIES / "mcp-demo")], settings, folder)
        process.wait_for(f"{origin}/health/live")
        return origin + DEMO_PATH

    def _start_fastmcp(self, name: str, folder: Path, authgent: Authgent) -> str:
        port = free_port()
        origin = f"http://localhost:{port}"
        url = f"{origin}/mcp"
        authgent.add_resource(url, "FastMCP projects")
        settings = environment(
            HOST="127.0.0.1",
            PORT=str(port),
            MCP_AUDIENCE=url,
            AUTHGENT_ISSUER=authgent.issuer,
            MCP_DB_PATH=str(folder / "fastmcp.db"),
        )
        process = self._run(f"{name}-fastmcp", [sys.executable, str(FASTMCP_SERVER)], settings, folder)
        process.wait_for(f"{origin}/health/live")
        return url
