"""FastMCP's client, unmodified: it opens the system's browser and listens for the callback itself."""

from __future__ import annotations

import contextlib

from fastmcp import Client
from fastmcp.client.auth import BearerAuth, ClientCredentialsOAuthProvider, OAuth
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError

from ..browser import CONSENT, SIGN_IN, as_system_browser
from ..check import project_names, require, require_authorization, require_equal, require_whoami, tool_value
from ..generic_client import GenericClient
from ..stack import READ, WRITE
from ..traffic import FORBIDDEN, UNAUTHORIZED, Traffic
from ..world import World, journey

CURRENT_ERA = "2026-07-28"
LEGACY_ERA = "legacy"


def connect(url: str, auth: object, traffic: Traffic, mode: str = "auto") -> Client:
    return Client(StreamableHttpTransport(url, auth=auth, httpx_client_factory=traffic.client), mode=mode)


@journey(
    "fastmcp-client-to-mcp-demo",
    "challenge, discovery, registration, sign-in, consent, whoami, list_projects, 403, step-up, create_project",
)
async def to_mcp_demo(world: World) -> str:
    stack, traffic = world.stack, Traffic()
    with as_system_browser(stack.account.email, stack.account.password, world.output / "visits.jsonl") as visits:
        auth = OAuth(httpx_client_factory=traffic.client)
        async with connect(stack.demo_url, auth, traffic) as client:
            require(len(traffic.challenges(UNAUTHORIZED)) >= 1, "the first request was not challenged")
            [first] = visits.all()
            require_authorization(first, stack, stack.demo_url)
            require_equal(first.pages, [SIGN_IN, CONSENT], "pages of the first visit")

            identity = tool_value(await client.call_tool("whoami", {}))
            require_whoami(identity, stack, stack.demo_url, {READ})
            tool_value(await client.call_tool("list_projects", {}))
            require_equal(traffic.challenges(FORBIDDEN), [], "refusals before create_project")

            await client.call_tool("create_project", {"name": "From FastMCP", "description": "after step-up"})
            [refusal] = traffic.challenges(FORBIDDEN)
            require('error="insufficient_scope"' in refusal and WRITE in refusal, f"challenge of the 403: {refusal}")
            [_, second] = visits.all()
            require_authorization(second, stack, stack.demo_url)
            require({READ, WRITE} <= second.scopes_requested, f"step-up asked for {second.request['scope']}")
            require_equal(second.request["client_id"], first.request["client_id"], "client after step-up")
            require_equal(traffic.count("POST", "/oauth/register"), 1, "registrations")

            identity = tool_value(await client.call_tool("whoami", {}))
            require_whoami(identity, stack, stack.demo_url, {READ, WRITE})
            names = project_names(tool_value(await client.call_tool("list_projects", {})))
            require("From FastMCP" in names, f"projects are {names}")
            return f"MCP {client.session.protocol_version}"


@journey("fastmcp-client-to-mcp-demo-legacy", "the same endpoint with initialize and a session, as older clients do")
async def to_mcp_demo_legacy(world: World) -> str:
    stack, traffic = world.stack, Traffic()
    with as_system_browser(stack.account.email, stack.account.password, world.output / "visits.jsonl"):
        auth = OAuth(httpx_client_factory=traffic.client)
        async with connect(stack.demo_url, auth, traffic, LEGACY_ERA) as client:
            version = client.session.protocol_version
            require(version != CURRENT_ERA, "the legacy handshake negotiated the stateless revision")
            require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.demo_url, {READ})
            tools = {tool.name for tool in await client.list_tools()}
            require({"whoami", "list_projects"} <= tools, f"tools are {tools}")
            await client.call_tool("create_project", {"name": "From a session", "description": ""})
            require_equal(len(traffic.challenges(FORBIDDEN)), 1, "refusals")
            return f"MCP {version}"


@journey(
    "fastmcp-client-credentials", "client_credentials with client_secret_basic and _post, by a client made on the CLI"
)
async def machine_to_machine(world: World) -> None:
    stack = world.stack
    added = stack.authgent.cli(
        "client", "add", "--name", "Nightly job", "--confidential", "--grant-type", "client_credentials"
    )
    for method in ("client_secret_basic", "client_secret_post"):
        traffic = Traffic()
        auth = ClientCredentialsOAuthProvider(
            client_id=added["client_id"],
            client_secret=added["client_secret"],
            scopes=[READ],
            token_endpoint_auth_method=method,
            issuer=stack.authgent.issuer,
        )
        async with connect(stack.demo_url, auth, traffic) as client:
            identity = tool_value(await client.call_tool("whoami", {}))
            # RFC 9068 section 2.2: without a resource owner, `sub` identifies the client.
            require_equal(identity["user_id"], added["client_id"], f"whoami.user_id by {method}")


@journey(
    "fastmcp-client-to-fastmcp-server",
    "deploy/fastmcp/server.py: tool refused, then allowed with the scope; another server's token refused",
)
async def to_fastmcp_server(world: World) -> None:
    stack, traffic = world.stack, Traffic()
    require(stack.fastmcp_url, "no FastMCP server in this stack")
    with as_system_browser(stack.account.email, stack.account.password, world.output / "visits.jsonl") as visits:
        auth = OAuth(httpx_client_factory=traffic.client)
        async with connect(stack.fastmcp_url, auth, traffic) as client:
            [visit] = visits.all()
            require_authorization(visit, stack, stack.fastmcp_url)
            require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.fastmcp_url, {READ})
            require_equal(project_names(tool_value(await client.call_tool("list_projects", {}))), [], "projects")
            require(
                "create_project" not in {tool.name for tool in await client.list_tools()}, "create_project is listed"
            )
            await require_tool_refused(client, "create_project", {"name": "Without the scope"})

    # FastMCP refuses a tool inside JSON-RPC, not with HTTP 403, so its client cannot step up by itself.
    # The wider token comes from a generic OAuth client that asks for it at once.
    generic = GenericClient.registered(stack, "Authlib beside FastMCP")
    wide = generic.authorize(stack.fastmcp_url, {READ, WRITE}, stack.account.person())
    async with connect(stack.fastmcp_url, BearerAuth(wide["access_token"]), traffic) as client:
        await client.call_tool("create_project", {"name": "With the scope"})
        require_equal(
            project_names(tool_value(await client.call_tool("list_projects", {}))), ["With the scope"], "projects"
        )
        await require_tool_refused(client, "delete_project", {"project_id": "none"})

    elsewhere = generic.authorize(stack.demo_url, {READ}, stack.account.person())
    traffic.clear()
    # Which exception a client raises is its own affair; the status on the wire is what counts.
    with contextlib.suppress(Exception):
        async with connect(stack.fastmcp_url, BearerAuth(elsewhere["access_token"]), traffic) as client:
            await client.list_tools()
    require(traffic.exchanges, "nothing was sent with the other server's token")
    require_equal({e.status for e in traffic.exchanges}, {UNAUTHORIZED}, "answers to another server's token")


async def require_tool_refused(client: Client, tool: str, arguments: dict) -> None:
    try:
        await client.call_tool(tool, arguments)
    except ToolError:
        return
    except Exception as error:
        # FastMCP hides a tool it denies, and answers as if it were unknown.
        require("nknown tool" in str(error) or "not found" in str(error).lower(), f"refused in an odd way: {error!r}")
        return
    require(False, f"{tool} ran without its scope")
