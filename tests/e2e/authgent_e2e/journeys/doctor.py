"""`authgent doctor` on MCP servers that are not ours: a FastMCP server, as deployed and as people misconfigure it."""

from __future__ import annotations

import json
import os
import sys

from ..browser import CONSENT, SIGN_IN, as_system_browser
from ..check import require, require_equal
from ..processes import Process, finish, free_port
from ..stack import BINARIES, environment
from ..world import World, journey

CALL_SECONDS = 90
WARNINGS, ERRORS = 3, 4

# FastMCP itself answers no preflight: scripts of other origins stay outside, which a server may want.
OF_FASTMCP = {"cors.preflight", "cors.not_exposed"}

# The server of many tutorials: pydantic's URL type adds a slash to the issuer, and nobody names the algorithm.
AS_IN_TUTORIALS = """
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from pydantic import AnyHttpUrl
import os

issuer, origin = os.environ["ISSUER"], os.environ["ORIGIN"]
verifier = JWTVerifier(jwks_uri=f"{issuer}/.well-known/jwks.json", issuer=issuer, audience=origin)
auth = RemoteAuthProvider(token_verifier=verifier, authorization_servers=[AnyHttpUrl(issuer)], base_url=origin)
FastMCP("tutorial", auth=auth).run(transport="http", host="127.0.0.1", port=int(origin.rsplit(":", 1)[1]))
"""


async def examine(url: str, *options: str, stdin: str = "") -> tuple[int, dict[str, list[str]]]:
    """Exit status, and the codes of the findings by severity."""
    command = [BINARIES / "authgent", "doctor", url, "--json", *options]
    finished = await finish(*command, seconds=CALL_SECONDS, stdin=stdin, env=os.environ)
    report = json.loads(finished.out)
    codes: dict[str, list[str]] = {}
    for stage in report["stages"]:
        for finding in stage["findings"]:
            codes.setdefault(finding["severity"], []).append(finding["code"])
    return finished.status, codes


@journey("doctor-fastmcp", "authgent doctor on a FastMCP server: healthy but for preflights; signs in, calls it, refreshes")
async def doctor_fastmcp(world: World) -> None:
    stack, account = world.stack, world.stack.account
    with as_system_browser(account.email, account.password, world.output / "visits.jsonl") as visits:
        status, codes = await examine(stack.fastmcp_url, "--login")
        require_equal(codes.get("error", []), [], "errors")
        require_equal(set(codes.get("warning", [])), OF_FASTMCP, "warnings")
        require_equal(status, WARNINGS, "exit status")
        [visit] = visits.all()
        require_equal(visit.pages, [SIGN_IN, CONSENT], "pages of the sign-in")


@journey("doctor-fastmcp-tutorial", "authgent doctor on a FastMCP server as tutorials write it: each mistake is named")
async def doctor_tutorial(world: World) -> None:
    issuer = world.stack.authgent.issuer
    origin = f"http://localhost:{free_port()}"
    program = world.output / "server.py"
    program.write_text(AS_IN_TUTORIALS)
    settings = environment(ISSUER=issuer, ORIGIN=origin)
    server = Process("tutorial", [sys.executable, str(program)], settings, world.output / "server.log", world.output)
    try:
        server.wait_for(f"{origin}/.well-known/oauth-protected-resource/mcp")
        status, codes = await examine(f"{origin}/mcp")
        require_equal(status, ERRORS, "exit status")
        require_equal(codes.get("error", []), ["discovery.issuer_trailing_slash"], "errors")
        require("discovery.resource_unlisted" in codes["warning"], "the resource that nobody registered is not named")
        require("keys.not_rs256" in codes["info"], "the algorithm that FastMCP must be told is not named")
    finally:
        server.stop()
