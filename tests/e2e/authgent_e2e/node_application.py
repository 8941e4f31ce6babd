"""Applications in JavaScript: `application.mjs` says how they talk to the journey that started them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .browser import Person, Visit, deliver
from .check import Failed, require
from .processes import end
from .world import E2E, NODE

RUN_SECONDS = 60

LOOPBACK_CALLBACK = "http://127.0.0.1/callback"
"""The applications listen at a port that the system picks, so none is registered beforehand (RFC 8252, section 7.3)."""


@dataclass
class Ran:
    """What an application found, and where it sent the person."""

    result: dict = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)

    @property
    def exchanges(self) -> list[dict]:
        """The HTTP exchanges of its library, in order, as `notingFetch` of `application.mjs` has them."""
        return self.result["exchanges"]

    @property
    def token_requests(self) -> list[dict]:
        return [exchange for exchange in self.exchanges if exchange.get("grant_type")]

    @property
    def registrations(self) -> int:
        return sum(exchange["path"].endswith("/oauth/register") for exchange in self.exchanges)


def client_document(name: str, **more: object) -> dict:
    """The metadata of an application of this kind, but for the `client_id` that its document names."""
    return {
        "client_name": name,
        "redirect_uris": [LOOPBACK_CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        **more,
    }


async def run_application(
    script: str, settings: dict, person: Person, log: Path, on_keys: Callable[[dict], None] | None = None
) -> Ran:
    """Run one of the scripts of this folder to its end, as `person`'s system would.

    Fails with what it wrote to standard error, which stays in `log`. `on_keys` is handed the key set that the
    application wants to be published.
    """
    ran = Ran()
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            NODE,
            script,
            cwd=E2E,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(RUN_SECONDS):
                process.stdin.write(json.dumps(settings).encode())
                process.stdin.close()
                await _follow(process, person, ran, on_keys)
                await process.wait()
        except TimeoutError:
            raise Failed(f"{script} did not end within {RUN_SECONDS} s: {log.read_text()}") from None
        finally:
            await end(process)
    require(process.returncode == 0 and ran.result, f"{script} ended with {process.returncode}: {log.read_text()}")
    return ran


async def _follow(
    process: asyncio.subprocess.Process, person: Person, ran: Ran, on_keys: Callable[[dict], None] | None
) -> None:
    """Do what each line of the application asks for."""
    async for line in process.stdout:
        [(what, value)] = json.loads(line).items()
        match what:
            case "keys" if on_keys is not None:
                on_keys(value)
            case "open":
                visit = await asyncio.to_thread(person.authorize, value)
                ran.visits.append(visit)
                await asyncio.to_thread(deliver, visit.redirect_url)
            case "result":
                ran.result = value
            case _:
                raise Failed(f"the application said {what!r}, which nobody expects")
