"""MCP Inspector on the command line (TypeScript SDK), as `npx @modelcontextprotocol/inspector --cli`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..browser import CONSENT, SIGN_IN, as_system_browser
from ..check import project_names, require, require_authorization, require_equal, require_whoami, value_of_tool
from ..processes import Finished, finish, free_port
from ..stack import READ, WRITE
from ..world import NODE, NODE_MODULES, World, journey

INSPECTOR = NODE_MODULES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
CALL_SECONDS = 90
AUTH_REQUIRED = 3
"""The Inspector's exit status where it may not ask a person."""


class Inspector:
    """The Inspector of one user: a home folder of its own, on one MCP server."""

    def __init__(self, home: Path, server_url: str) -> None:
        self.home = home
        self._server_url = server_url
        # Registered once and stored, so the port must stay the same from call to call.
        self.callback = f"http://127.0.0.1:{free_port()}/oauth/callback"
        home.mkdir()

    async def run(self, *arguments: str, answer: str = "") -> Finished:
        """One call. `answer` is typed at its prompt, if it has one."""
        environment = os.environ | {
            "HOME": str(self.home),
            "MCP_STORAGE_DIR": str(self.home / "storage"),
            "MCP_INSPECTOR_SECRET_STORE": "file",
            "MCP_AUTO_OPEN_ENABLED": "true",
            "MCP_OAUTH_CALLBACK_URL": self.callback,
        }
        command = ["--cli", "--transport", "http", "--server-url", self._server_url, "--format", "json", *arguments]
        finished = await finish(NODE, INSPECTOR, *command, seconds=CALL_SECONDS, stdin=answer, env=environment)
        with (self.home / "calls.log").open("a") as log:
            log.write(f"$ {' '.join(arguments)}\n{finished.out}{finished.err}[{finished.status}]\n")
        return finished

    async def call(self, tool: str, *arguments: str, answer: str = "") -> object:
        """Call a tool and return its value."""
        called = await self.run("--method", "tools/call", "--tool-name", tool, *arguments, answer=answer)
        require_equal(called.status, 0, f"exit status of {tool} ({called.err.strip()})")
        result = json.loads(called.out)["result"]
        return value_of_tool(result.get("structuredContent"), result["content"])


@journey("mcp-inspector-cli", "registers itself; whoami; both protocol eras; stored sign-in; --relogin")
async def inspector_cli(world: World) -> None:
    stack, account = world.stack, world.stack.account
    inspector = Inspector(world.output / "home", stack.demo_url)
    with as_system_browser(account.email, account.password, world.output / "visits.jsonl") as visits:
        listed = await inspector.run("--method", "tools/list", "--stored-auth-only")
        require_equal(listed.status, AUTH_REQUIRED, "exit status before anybody signed in")

        require_whoami(await inspector.call("whoami"), stack, stack.demo_url, {READ})
        [first] = visits.all()
        require_authorization(first, stack, stack.demo_url)
        require_equal(first.pages, [SIGN_IN, CONSENT], "pages of the first visit")

        for era in ("legacy", "modern"):
            listed = await inspector.run("--method", "tools/list", "--stored-auth-only", "--protocol-era", era)
            require_equal(listed.status, 0, f"exit status of tools/list in the {era} era ({listed.err.strip()})")
            require('"whoami"' in listed.out, f"tools/list in the {era} era: {listed.out}")
        require_equal(len(visits.all()), 1, "visits while the sign-in is stored")

        # Version 2.12.0 means to revoke here too, but its CLI does not keep the metadata it would need for that.
        require_whoami(await inspector.call("whoami", "--relogin"), stack, stack.demo_url, {READ})
        [_, second] = visits.all()
        require_authorization(second, stack, stack.demo_url)


@journey("mcp-inspector-cli-step-up", "a client made on the CLI; step-up declined at the prompt, then accepted")
async def inspector_step_up(world: World) -> None:
    stack, account = world.stack, world.stack.account
    inspector = Inspector(world.output / "home", stack.demo_url)
    # Without a client of its own the Inspector's CLI reports a 403 instead of offering to step up.
    added = stack.authgent.cli("client", "add", "--name", "Inspector", "--redirect-uri", inspector.callback)
    own_client = ("--client-id", added["client_id"])
    create = ("--tool-arg", "name=From the Inspector", "description=after step-up")
    with as_system_browser(account.email, account.password, world.output / "visits.jsonl") as visits:
        require_whoami(await inspector.call("whoami", *own_client), stack, stack.demo_url, {READ})

        arguments = ("--method", "tools/call", "--tool-name", "create_project", *own_client, *create)
        declined = await inspector.run(*arguments, answer="n\n")
        told = f"declined step-up ended with {declined.status}: {declined.err}"
        require(declined.status != 0 and "Step-up authorization declined" in declined.err, told)
        require_equal(len(visits.all()), 1, "visits after step-up was declined")

        await inspector.call("create_project", *own_client, *create, answer="y\n")
        [_, second] = visits.all()
        require_authorization(second, stack, stack.demo_url)
        require({READ, WRITE} <= second.scopes_requested, f"step-up asked for {second.request['scope']}")
        names = project_names(await inspector.call("list_projects", *own_client))
        require("From the Inspector" in names, f"projects are {names}")
