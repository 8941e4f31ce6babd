"""Signing keys follow each other under MCP servers that keep copies of the key set."""

from __future__ import annotations

import asyncio
import time

import jwt
import requests

from fastmcp.client.auth import BearerAuth
from mcp.shared.exceptions import MCPError

from ..check import require, require_equal, require_whoami, tool_value
from ..generic_client import HTTP_SECONDS, GenericClient
from ..stack import READ
from ..traffic import Traffic
from ..world import KEY_PUBLISH_SECONDS, World, journey
from .fastmcp_client import connect

ROTATIONS = 2
VIEW_SECONDS = 3
"""Until every part of the server acts on what was decided about keys."""


def kid(token: str) -> str:
    return jwt.get_unverified_header(token)["kid"]


def published(client: GenericClient) -> set[str]:
    keys = requests.get(client.metadata["jwks_uri"], timeout=HTTP_SECONDS).json()["keys"]
    return {key["kid"] for key in keys}


@journey(
    "keys-rotate-under-mcp-servers",
    "two rotations under calls to mcp-demo and a FastMCP server: none is refused; then all keys leak",
)
async def rotations(world: World) -> str:
    stack = world.stack
    chains = {}
    for url in (stack.demo_url, stack.fastmcp_url):
        client = GenericClient.registered(
            stack, f"Keys for {url}", token_endpoint_auth_method="client_secret_basic"
        )
        chains[url] = (client, [client.authorize(url, {READ}, stack.account.person())])
    calls = 0

    async def call_with_old_and_new() -> None:
        """With a token of the first key, with the one before, and with one of this moment: all have minutes to live."""
        nonlocal calls
        for url, (client, tokens) in chains.items():
            tokens.append(client.refresh(tokens[-1]["refresh_token"], resource=url))
            for token in (tokens[0], tokens[-2], tokens[-1]):
                async with connect(url, BearerAuth(token["access_token"]), Traffic()) as mcp:
                    require_whoami(tool_value(await mcp.call_tool("whoami", {})), stack, url, {READ})
                    calls += 1

    for _ in range(ROTATIONS):
        [client, tokens] = chains[stack.demo_url]
        before = kid(tokens[-1]["access_token"])
        made = stack.authgent.cli("key", "rotate")["kid"]
        until = time.monotonic() + KEY_PUBLISH_SECONDS + VIEW_SECONDS
        while time.monotonic() < until:
            await call_with_old_and_new()
        require(made in published(client) and before in published(client), "one of two keys is not published")
        require_equal(kid(tokens[-1]["access_token"]), made, "the key that signs after its time has come")

    used = {kid(token["access_token"]) for token in chains[stack.demo_url][1]}
    require_equal(len(used), ROTATIONS + 1, "keys that signed")

    [client, tokens] = chains[stack.demo_url]
    leaked = tokens[-1]
    made = stack.authgent.cli("key", "rotate", "--leaked")["kid"]
    await asyncio.sleep(VIEW_SECONDS)
    require_equal(published(client), {made}, "published after the leak")
    require_equal(client.introspect(leaked["access_token"]), {"active": False}, "a token of a withdrawn key")
    for url, (client, tokens) in chains.items():
        await called_again(world, url, client.refresh(tokens[-1]["refresh_token"], resource=url))
    return f"{calls} calls with tokens of {len(used)} keys"


async def called_again(world: World, url: str, tokens: dict) -> None:
    """Nobody saw the new key before it signed: a server that fetched keys a moment ago refuses it until it fetches again."""
    until = time.monotonic() + KEY_PUBLISH_SECONDS
    while True:
        try:
            async with connect(url, BearerAuth(tokens["access_token"]), Traffic()) as mcp:
                require_whoami(tool_value(await mcp.call_tool("whoami", {})), world.stack, url, {READ})
                return
        except MCPError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(1)
