"""Passkeys and second factors in headless Chromium. What the browser does is in `passkeys.mjs`."""

from __future__ import annotations

import json

from ..check import require
from ..processes import finish
from ..world import E2E, NODE, World, journey
from .chromium import chromium

WALK_SECONDS = 150


@journey(
    "chromium-passkeys",
    "a passkey added and used, by the button and by the browser's suggestion; app, code, recovery code; CSP clean; screenshots",
)
async def passkeys(world: World) -> str:
    authgent = world.stack.authgent
    account = authgent.add_user("passkeys@example.com", "Grace Hopper")
    screenshots = world.output / "screenshots"
    screenshots.mkdir()
    settings = {
        "issuer": authgent.issuer,
        "email": account.email,
        "password": account.password,
        "chromium": chromium(),
        "screenshots": str(screenshots),
    }
    walk = await finish(NODE, "passkeys.mjs", seconds=WALK_SECONDS, stdin=json.dumps(settings), cwd=E2E)
    require(walk.status == 0, walk.err)
    return f"{len(json.loads(walk.out)['steps'])} steps, {len(list(screenshots.iterdir()))} screenshots"
