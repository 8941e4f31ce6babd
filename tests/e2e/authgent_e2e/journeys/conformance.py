"""The MCP project's own conformance suite in its `authorization` mode: every scenario it lists."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from ..browser import deliver
from ..check import Failed, require, require_equal
from ..processes import end, finish, free_port
from ..stack import Stack
from ..world import NODE, NODE_MODULES, World, journey

SUITE = NODE_MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
RUN_SECONDS = 120
LISTED = "  - "

PASSED, WARNED, SKIPPED, NOTED, BROKEN = "SUCCESS", "WARNING", "SKIPPED", "INFO", "FAILURE"


async def scenarios() -> list[str]:
    """The names that `conformance list --authorization` prints, without their revisions."""
    listed = await finish(NODE, SUITE, "list", "--authorization", seconds=RUN_SECONDS)
    found = [line.removeprefix(LISTED).split()[0] for line in listed.out.splitlines() if line.startswith(LISTED)]
    require(found, "the suite lists no authorization scenarios")
    return found


async def run_suite(stack: Stack, output: Path) -> dict[str, list[dict]]:
    """Run all scenarios against a stack; returns the checks of each from its checks.json."""
    port = free_port()
    client = stack.authgent.cli(
        "client", "add", "--name", "Conformance", "--redirect-uri", f"http://127.0.0.1:{port}/callback"
    )
    command = ["authorization", "--url", stack.authgent.issuer, "--client-id", client["client_id"]]
    command += ["--resource", stack.demo_url, "-p", str(port), "-o", str(output)]
    output.mkdir()
    with (output / "suite.log").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            NODE, SUITE, *command, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            await asyncio.wait_for(answer_prompts(process, stack, output / "suite.out"), RUN_SECONDS)
        except TimeoutError:
            raise Failed(f"the suite did not end within {RUN_SECONDS} s") from None
        finally:
            await end(process)
    return {path.parent.name: json.loads(path.read_text()) for path in output.glob("*/checks.json")}


async def answer_prompts(process: asyncio.subprocess.Process, stack: Stack, log: Path) -> None:
    """Read what the suite prints; where it asks for a URL to be opened, be the person who does."""
    with log.open("w") as out:
        async for raw in process.stdout:
            line = raw.decode().rstrip()
            print(line, file=out, flush=True)
            if line.startswith("http") and "response_type=code" in line:
                visit = await asyncio.to_thread(stack.account.person().authorize, line)
                await asyncio.to_thread(deliver, visit.redirect_url)
    await process.wait()


@journey(
    "conformance-authorization", "@modelcontextprotocol/conformance: all authorization scenarios, both kinds of issuer"
)
async def authorization(world: World) -> str:
    expected = await scenarios()
    stacks = {"root-issuer": world.stack, "issuer-with-path": world.short_lived}
    broken, notes, passed = [], [], 0
    for label, stack in stacks.items():
        results = await run_suite(stack, world.output / label)
        for scenario in expected:
            runs = [checks for folder, checks in results.items() if scenario in folder]
            require_equal(len(runs), 1, f"{label}: results of {scenario}")
            for check in runs[0]:
                told = f"{label}: {check['id']}: {check.get('errorMessage', '')}".strip()
                if check["status"] == PASSED:
                    passed += 1
                elif check["status"] in (SKIPPED, WARNED, NOTED):
                    notes.append(f"{check['status'].lower()} {told}")
                else:
                    broken.append(told)
    require(not broken, "; ".join(broken))
    return f"{len(expected)} scenarios, {passed} checks passed" + "".join(f"; {note}" for note in notes)
