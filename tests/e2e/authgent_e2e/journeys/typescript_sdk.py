"""The MCP TypeScript SDK, both lines of it, with each way to be known. What it does is in `typescript-sdk.mjs`."""

from __future__ import annotations

import json
from collections.abc import Callable

from ..browser import CONSENT, SIGN_IN
from ..check import require, require_authorization, require_equal, require_whoami
from ..node_application import LOOPBACK_CALLBACK, Ran, client_document, run_application
from ..stack import DEMO_PATH, READ
from ..traffic import UNAUTHORIZED
from ..world import NODE_MODULES, World, journey

SDKS = {"v2": "@modelcontextprotocol/client", "v1": "@modelcontextprotocol/sdk"}
NEWEST_PROTOCOL_VERSION = "2026-07-28"
OK = 200


def name_of(line: str) -> str:
    """What the application on one line of the SDK is called."""
    return f"TypeScript application on {line}"


async def sign_in(world: World, way: Callable[[str], dict]) -> dict[str, Ran]:
    """The whole journey once with each line of the SDK; `way` makes the settings that say how it is known."""
    demo = world.stack.demo_url
    return {line: await sign_in_with(world, line, demo, demo, way(line)) for line in SDKS}


async def sign_in_with(world: World, line: str, server_url: str, audience: str, way: dict) -> Ran:
    """The journey at the MCP server at `server_url`, whose resource is `audience`."""
    stack = world.stack
    settings = {"sdk": SDKS[line], "server_url": server_url, "client_name": name_of(line), **way}
    ran = await run_application("typescript-sdk.mjs", settings, stack.account.person(), world.output / f"{line}.err")

    require_equal(len(ran.result["identities"]), 2, "calls of whoami")
    for identity in ran.result["identities"]:
        require_whoami(identity, stack, audience, {READ})
    require(ran.result["rotated"], "the refresh token was not rotated")
    if line == "v2":
        require_equal(ran.result["protocol_version"], NEWEST_PROTOCOL_VERSION, "protocol version")

    resource = audience + "/" if way.get("resource_as_url") else audience
    require_equal(len(ran.visits), 1, "visits to the browser")
    [visit] = ran.visits
    require_authorization(visit, stack, resource)
    require_equal(visit.pages, [SIGN_IN, CONSENT], "pages of the visit")
    require_equal(visit.request["client_id"], ran.result["client_id"], "client_id of the authorization request")
    require_requests(ran, resource)
    return ran


def require_requests(ran: Ran, resource: str) -> None:
    """The SDK began with a 401, and sent `resource`, letter by letter, for the code and for the refresh."""
    first = ran.exchanges[0]
    require_equal((first["path"], first["status"]), (DEMO_PATH, UNAUTHORIZED), "the first request")
    asked = [(exchange["grant_type"], exchange["resource"], exchange["status"]) for exchange in ran.token_requests]
    expected = [(grant, resource, OK) for grant in ("authorization_code", "refresh_token")]
    require_equal(asked, expected, "token requests")


def versions() -> str:
    """The packages that ran, with their versions."""
    installed = {sdk: json.loads((NODE_MODULES / sdk / "package.json").read_text()) for sdk in SDKS.values()}
    return ", ".join(f"{sdk} {package['version']}" for sdk, package in installed.items())


@journey("typescript-sdk-document", "known by the URL of a client metadata document, which is fetched once")
async def document(world: World) -> str:
    def path(line: str) -> str:
        return f"/typescript-{line}/client.json"

    def way(line: str) -> dict:
        return {"document_url": world.documents.publish_client(path(line), client_document(name_of(line)))}

    for line, ran in (await sign_in(world, way)).items():
        require_equal(ran.registrations, 0, "registrations, which the SDK makes where documents are not advertised,")
        require_equal(ran.result["client_id"], world.documents.url(path(line)), "client_id")
        require_equal(world.documents.fetches(path(line)), 1, "fetches of the document")
    return versions()


@journey("typescript-sdk-registration", "registers itself (RFC 7591)")
async def registration(world: World) -> str:
    for ran in (await sign_in(world, lambda _: {})).values():
        require_equal(ran.registrations, 1, "registrations")
    return versions()


@journey("typescript-sdk-preregistered", "a confidential client from `authgent client add`: client_secret_basic")
async def preregistered(world: World) -> str:
    def way(line: str) -> dict:
        arguments = ("--name", name_of(line), "--confidential", "--redirect-uri", LOOPBACK_CALLBACK)
        added = world.stack.authgent.cli("client", "add", *arguments)
        return {"client": {"client_id": added["client_id"], "client_secret": added["client_secret"]}}

    for ran in (await sign_in(world, way)).values():
        require_equal(ran.registrations, 0, "registrations")
        require_equal({exchange["scheme"] for exchange in ran.token_requests}, {"Basic"}, "client authentication")
    return versions()


@journey(
    "typescript-sdk-origin-resource", "a resource without a path, sent as it is and with the slash of the URL class"
)
async def origin_resource(world: World) -> str:
    url = world.stack.origin_demo_url
    for line in SDKS:
        for as_url in (False, True):
            # By the same name they would be one client, whose consent may be remembered.
            way = {"resource_as_url": as_url, "client_name": f"{name_of(line)}, {'with' if as_url else 'no'} slash"}
            await sign_in_with(world, line, url, url.removesuffix(DEMO_PATH), way)
    return versions()
