"""Runs the journeys one after the other and says how each went.

Called as `python -m authgent_e2e [NAME…]`: all journeys, or those whose name contains one of the words.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from . import journeys  # noqa: F401 - importing registers them
from .document_host import DocumentHost
from .mailbox import Mailbox
from .stack import Launcher, Stack
from .upstream import Provider
from .world import E2E, JOURNEYS, KEY_PUBLISH_SECONDS, NODE, SHORT_TOKEN_SECONDS, Journey, World

OUTPUT = E2E / "output"
JOURNEY_SECONDS = 300


def end_cleanly(signal_number: int, _frame: object) -> None:
    """Turn a termination into an exception, so that every process started here is stopped."""
    raise SystemExit(128 + signal_number)


async def run(journey: Journey, surroundings: dict[str, object]) -> bool:
    """Run one journey with its output in a file; print its line."""
    folder = OUTPUT / journey.name
    folder.mkdir()
    world = World(**surroundings, output=folder)
    begun = time.monotonic()
    failure, note = None, None
    with (folder / "journey.log").open("w") as log:
        handler = logging.StreamHandler(log)
        logging.getLogger().addHandler(handler)
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                note = await asyncio.wait_for(journey.run(world), JOURNEY_SECONDS)
        except Exception as error:
            failure = error
            traceback.print_exception(error, file=log)
        finally:
            logging.getLogger().removeHandler(handler)
    took = time.monotonic() - begun
    print(f"{'FAIL' if failure else 'PASS'}  {journey.name}  ({took:.1f} s)  {journey.exercises}", flush=True)
    if note:
        print(f"      {note}", flush=True)
    if failure:
        print("      " + reason(failure).replace("\n", "\n      "), flush=True)
    return failure is None


def reason(error: BaseException) -> str:
    """What went wrong, without the groups that task groups wrap it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def run_all(chosen: list[Journey], surroundings: dict[str, object]) -> list[bool]:
    return [await run(journey, surroundings) for journey in chosen]


def start_stacks(
    launcher: Launcher, documents: DocumentHost, mailbox: Mailbox, provider: Provider
) -> dict[str, Stack]:
    short = {"AUTHGENT_TOKEN_TTL": str(SHORT_TOKEN_SECONDS)}
    keys = {"AUTHGENT_KEY_PUBLISH_AHEAD": str(KEY_PUBLISH_SECONDS)}
    stacks = {
        "stack": launcher.start("plain", host="localhost", more_servers=True, **keys, **documents.settings),
        "short_lived": launcher.start("short-lived", host="127.0.0.1", path="/auth", **short),
        "people": launcher.start("people", host="localhost", **short, **mailbox.settings),
        "company": launcher.start("company", host="localhost", **short, **provider.settings),
    }
    provider.start(stacks["company"].authgent.issuer)
    return stacks


def main() -> int:
    words = sys.argv[1:]
    chosen = [j for j in JOURNEYS if not words or any(word in j.name for word in words)]
    signal.signal(signal.SIGTERM, end_cleanly)
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    with (
        tempfile.TemporaryDirectory(prefix="authgent-e2e-") as work,
        DocumentHost(Path(work) / "documents") as documents,
        Mailbox() as mailbox,
        Provider(NODE, E2E, OUTPUT / "provider.log") as provider,
        Launcher(Path(work), OUTPUT) as launcher,
    ):
        try:
            stacks = start_stacks(launcher, documents, mailbox, provider)
        except Exception as error:
            print(f"FAIL  nothing could be run\n      {reason(error)}", flush=True)
            return report([False] * len(chosen))
        surroundings = {**stacks, "documents": documents, "mailbox": mailbox, "provider": provider}
        passed = asyncio.run(run_all(chosen, surroundings))
    return report(passed)


def report(passed: list[bool]) -> int:
    """Print the closing line; return the exit status."""
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed", flush=True)
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
