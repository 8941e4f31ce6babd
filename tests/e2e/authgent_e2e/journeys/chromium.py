"""The real pages in headless Chromium. What the browser does is in `pages.mjs`; this starts and judges it."""

from __future__ import annotations

import json
import os
import shutil

from ..check import Failed, require, require_whoami
from ..processes import finish
from ..stack import ADMIN, BINARIES, READ, REPOSITORY, WRITE
from ..world import E2E, NODE, World, journey

WALK_SECONDS = 150
AXE_SECONDS = 280
PREVIEW_SECONDS = 60
PREVIEW_PAGES = BINARIES / "examples" / "preview_pages"
IMAGES = REPOSITORY / "docs" / "guides" / "images"
UPDATE_IMAGES = "AUTHGENT_UPDATE_IMAGES"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def images() -> str | None:
    """Where the pictures of the guides go, if they are to be made anew."""
    if UPDATE_IMAGES not in os.environ:
        return None
    IMAGES.mkdir(exist_ok=True)
    return str(IMAGES)


def chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        raise Failed("no Chromium on this machine")
    return found


@journey(
    "chromium-pages",
    "wrong password, sign-in, consent with a scope unticked, code + iss + state, whoami (CORS), asked again with one click, "
    "grown scope refused, unknown client; console and CSP clean; screenshots",
)
async def pages(world: World) -> str:
    stack = world.stack
    screenshots = world.output / "screenshots"
    screenshots.mkdir()
    settings = {
        "issuer": stack.authgent.issuer,
        "resource": stack.demo_url,
        "email": stack.account.email,
        "password": stack.account.password,
        "required_scope": READ,
        "optional_scope": WRITE,
        "admin_scope": ADMIN,
        "chromium": chromium(),
        "screenshots": str(screenshots),
    }
    walk = await finish(NODE, "pages.mjs", seconds=WALK_SECONDS, stdin=json.dumps(settings), cwd=E2E)
    require(walk.status == 0, walk.err)
    walked = json.loads(walk.out)
    require_whoami(walked["identity"], stack, stack.demo_url, {READ})
    return f"{len(walked['screens'])} screens, {len(list(screenshots.iterdir()))} screenshots"


@journey(
    "axe-core-pages",
    "every page with sample data, English and German, light and dark, phone and desktop: axe-core finds nothing, nothing is wider "
    "than the screen; screenshots",
)
async def previews(world: World) -> str:
    folder, screenshots = world.output / "pages", world.output / "screenshots"
    screenshots.mkdir()
    written = await finish(str(PREVIEW_PAGES), str(folder), seconds=PREVIEW_SECONDS)
    require(written.status == 0, written.err)
    settings = {"folder": str(folder), "chromium": chromium(), "screenshots": str(screenshots), "images": images()}
    looked = await finish(NODE, "previews.mjs", seconds=AXE_SECONDS, stdin=json.dumps(settings), cwd=E2E)
    require(looked.status == 0, looked.err)
    return f"{json.loads(looked.out)['pages']} pages, {len(list(screenshots.iterdir()))} screenshots"
