"""What a journey is given, and how it is registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from .document_host import DocumentHost
from .mailbox import Mailbox
from .stack import Stack
from .upstream import Provider

E2E = Path(__file__).resolve().parent.parent
NODE_MODULES = E2E / "node_modules"
NODE = NODE_MODULES / ".bin" / "node"


@dataclass(frozen=True)
class World:
    """The running stacks and the folder for what a journey leaves to be looked at."""

    stack: Stack
    """The plain one: issuer without a path, default lifetimes, mcp-demo and the FastMCP server.
    A signing key is published `KEY_PUBLISH_SECONDS` before it signs."""

    short_lived: Stack
    """Its issuer has a path, and its access tokens live `SHORT_TOKEN_SECONDS`."""

    people: Stack
    """Its people are invited by mail; tokens live `SHORT_TOKEN_SECONDS`."""

    company: Stack
    """Its people sign in at `provider` alone; tokens live `SHORT_TOKEN_SECONDS`."""

    mailbox: Mailbox
    """Where the mails of `people` arrive."""

    provider: Provider
    """The company's identity provider."""

    documents: DocumentHost
    """Where applications publish their client metadata documents. The plain stack may fetch from it."""

    output: Path
    """The journey's own folder."""


SHORT_TOKEN_SECONDS = 3
KEY_PUBLISH_SECONDS = 33
"""More than the 30 seconds for which FastMCP fetches no keys again, whatever names it is shown; mcp-resource waits ten."""


@dataclass(frozen=True)
class Journey:
    """A journey: `run` returns a line for people (or nothing), and raises if it fails."""

    name: str
    exercises: str
    run: Callable[[World], Awaitable[str | None]]


JOURNEYS: list[Journey] = []


def journey(name: str, exercises: str) -> Callable:
    """Register a coroutine function as a journey; they run in the order of registration."""

    def register(run: Callable[[World], Awaitable[str | None]]) -> Callable[[World], Awaitable[str | None]]:
        JOURNEYS.append(Journey(name, exercises, run))
        return run

    return register
