"""People with accounts of their own, and people of a company. What the browser does is in `people.mjs`."""

from __future__ import annotations

import json
from pathlib import Path

from ..check import require
from ..processes import finish
from ..stack import READ, SCOPES, WRITE, Stack
from ..world import E2E, NODE, SHORT_TOKEN_SECONDS, World, journey
from .chromium import chromium, images

WALK_SECONDS = 140
WIDTHS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


async def walk(world: World, stack: Stack, width: str, **settings: object) -> int:
    """One person's way; returns how many pages were looked at."""
    screenshots = world.output / "screenshots" / width
    screenshots.mkdir(parents=True)
    everything = {
        "issuer": stack.authgent.issuer,
        "resource": stack.demo_url,
        "resource_name": "Demo projects",
        "required_scope": READ,
        "optional_scope": WRITE,
        "optional_words": SCOPES[WRITE],
        "token_seconds": SHORT_TOKEN_SECONDS,
        "chromium": chromium(),
        "screenshots": str(screenshots),
        "viewport": WIDTHS[width],
        "images": images() if width == "desktop" else None,
        **settings,
    }
    done = await finish(NODE, "people.mjs", seconds=WALK_SECONDS, stdin=json.dumps(everything), cwd=E2E)
    require(done.status == 0, f"{width}: {done.err}")
    return len(json.loads(done.out)["seen"])


def pictures(folder: Path) -> int:
    return len(list(folder.glob("screenshots/*/*.png")))


@journey(
    "people-by-invitation",
    "invited by mail (aiosmtpd), set up with a passkey, an agent connected with a scope unticked, seen on /account, revoked: its next "
    "call fails; history, export, deletion; phone and desktop; axe-core and CSP clean",
)
async def by_invitation(world: World) -> str:
    pages = 0
    for width in WIDTHS:
        email = f"{width}@example.com"
        authgent = world.people.authgent
        authgent.cli("user", "invite", email, "--send")
        invitation = await world.mailbox.link(email, f"{authgent.issuer}/invitation/")
        pages += await walk(world, world.people, width, invitation=invitation, email=email)
    return f"{pages} pages looked at, {pictures(world.output)} screenshots"


@journey(
    "people-by-provider",
    "the same through an upstream provider (oidc-provider), with its key rotation, its outage, and its sign-out that ends sessions and "
    "grants; phone and desktop",
)
async def by_provider(world: World) -> str:
    pages = 0
    for width in WIDTHS:
        provider = {"issuer": world.provider.issuer, "login": f"{width}-person"}
        pages += await walk(world, world.company, width, provider=provider)
    return f"{pages} pages looked at, {pictures(world.output)} screenshots"
