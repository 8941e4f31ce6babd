"""The MCP project's own conformance suite: its `authorization` mode, and what its `server` mode can ask of mcp-demo."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..browser import deliver
from ..check import Failed, require, require_equal
from ..generic_client import GenericClient
from ..processes import Process, end, finish, free_port
from ..stack import ADMIN, READ, WRITE, Stack
from ..world import E2E, NODE, NODE_MODULES, World, journey

SUITE = NODE_MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
RUN_SECONDS = 120
LISTED = "  - "

PASSED, WARNED, SKIPPED, NOTED = "SUCCESS", "WARNING", "SKIPPED", "INFO"

# The scenarios of each revision's requirements that need no tools, prompts or resources of the suite's own.
SERVER_SCENARIOS = {
    "2026-07-28": [
        "tools-list",
        "dns-rebinding-protection",
        "http-header-validation",
        "server-sse-multiple-streams",
    ],
    "2025-11-25": [
        "server-initialize",
        "ping",
        "tools-list",
        "dns-rebinding-protection",
        "server-session-lifecycle",
        "server-sse-multiple-streams",
    ],
}


@dataclass
class Verdict:
    """What checks.json files say. The suite's exit status is not consulted: it counts skipped checks as passed."""

    passed: int = 0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, label: str, scenario: str, results: dict[str, list[dict]]) -> None:
        """Count the checks of the one run of `scenario` among `results` (by the name of their folder)."""
        # A folder is MODE-SCENARIO-TIMESTAMP.
        runs = [checks for folder, checks in results.items() if f"-{scenario}-2" in f"-{folder}"]
        require_equal(len(runs), 1, f"{label}: number of results of {scenario}")
        for check in runs[0]:
            told = f"{label}: {check['id']}: {check.get('errorMessage', '')}".strip()
            if check["status"] == PASSED:
                self.passed += 1
            elif check["status"] in (SKIPPED, WARNED):
                self.notes.append(f"{check['status'].lower()} {told}")
            elif check["status"] != NOTED:
                self.broken.append(told)

    def report(self, scenarios: int) -> str:
        require(not self.broken, "; ".join(self.broken))
        return "\n      ".join([f"{scenarios} scenarios, {self.passed} checks passed", *self.notes])


def results_in(output: Path) -> dict[str, list[dict]]:
    """The checks of each scenario that was run into a folder, by the name of its own folder."""
    return {path.parent.name: json.loads(path.read_text()) for path in output.glob("*/checks.json")}


async def authorization_scenarios() -> list[str]:
    """The names that `conformance list --authorization` prints, without their revisions."""
    listed = await finish(NODE, SUITE, "list", "--authorization", seconds=RUN_SECONDS)
    found = [line.removeprefix(LISTED).split()[0] for line in listed.out.splitlines() if line.startswith(LISTED)]
    require(found, "the suite lists no authorization scenarios")
    return found


async def run_authorization(stack: Stack, output: Path) -> dict[str, list[dict]]:
    """Run all authorization scenarios against a stack."""
    port = free_port()
    callback = f"http://127.0.0.1:{port}/callback"
    client = stack.authgent.cli("client", "add", "--name", "Conformance", "--redirect-uri", callback)
    command = ["authorization", "--url", stack.authgent.issuer, "--client-id", client["client_id"]]
    command += ["--resource", stack.demo_url, "-p", str(port), "-o", str(output)]
    output.mkdir()
    with (output / "suite.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            NODE, SUITE, *command, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            await asyncio.wait_for(answer_prompts(process, stack, output / "suite.out"), RUN_SECONDS)
        except TimeoutError:
            raise Failed(f"the suite did not end within {RUN_SECONDS} s") from None
        finally:
            await end(process)
    return results_in(output)


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


@journey("conformance-authorization", "@modelcontextprotocol/conformance authorization: all scenarios, two issuers")
async def authorization(world: World) -> str:
    scenarios, verdict = await authorization_scenarios(), Verdict()
    for label, stack in {"root-issuer": world.stack, "issuer-with-path": world.short_lived}.items():
        results = await run_authorization(stack, world.output / label)
        for scenario in scenarios:
            verdict.add(label, scenario, results)
    return verdict.report(len(scenarios))


@journey("conformance-server", "@modelcontextprotocol/conformance server: mcp-demo behind the middleware, both eras")
async def server(world: World) -> str:
    stack, verdict = world.stack, Verdict()
    client = GenericClient.registered(stack, "Authlib for the conformance suite")
    token = client.authorize(stack.demo_url, {READ, WRITE, ADMIN}, stack.account.person())
    port = free_port()
    # The suite has no option for a token.
    settings = {"PROXY_PORT": str(port), "PROXY_TARGET": stack.demo_url, "PROXY_TOKEN": token["access_token"]}
    command = [sys.executable, "-m", "authgent_e2e.bearer_proxy"]
    proxy = Process("proxy", command, os.environ | settings, world.output / "proxy.log", E2E)
    try:
        proxy.wait_for(f"http://localhost:{port}/")
        for revision, scenarios in SERVER_SCENARIOS.items():
            await run_server(f"http://localhost:{port}/mcp", revision, scenarios, world.output, verdict)
    finally:
        proxy.stop()
    return verdict.report(sum(map(len, SERVER_SCENARIOS.values())))


async def run_server(url: str, revision: str, scenarios: list[str], output: Path, verdict: Verdict) -> None:
    """Run scenarios of one revision against an MCP server and count their checks."""
    folder = output / revision
    for scenario in scenarios:
        options = ("--url", url, "--scenario", scenario, "--spec-version", revision, "-o", folder)
        ran = await finish(NODE, SUITE, "server", *options, seconds=RUN_SECONDS)
        with (output / "suite.log").open("a") as log:
            log.write(ran.out + ran.err)
        verdict.add(revision, scenario, results_in(folder))
