"""The MCP Python SDK's client with its `OAuthClientProvider`: step-up, refusal by the person, refresh."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from ..browser import ALLOW_ALL, CONSENT, SIGN_IN, Choice, Person, Visit
from ..check import Failed, project_names, require, require_authorization, require_equal, require_whoami, tool_value
from ..stack import ADMIN, READ, WRITE, Stack
from ..traffic import FORBIDDEN, Traffic
from ..world import SHORT_TOKEN_SECONDS, World, journey

REDIRECT_URI = "http://127.0.0.1:8765/callback"
"""Nothing listens there: the person's redirect is handed to the SDK without being requested."""


class Storage:
    """Tokens and registration in memory, as the SDK's `TokenStorage` wants them."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Application:
    """An application of one person on the SDK: its storage, its browser, its traffic."""

    def __init__(self, stack: Stack, person: Person) -> None:
        self.storage = Storage()
        self.traffic = Traffic()
        self.visits: list[Visit] = []
        self.choice = ALLOW_ALL
        self._stack = stack
        self._person = person
        self.provider = OAuthClientProvider(
            server_url=stack.demo_url,
            client_metadata=OAuthClientMetadata(
                client_name="SDK journey", redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none"
            ),
            storage=self.storage,
            redirect_handler=self._open_browser,
            callback_handler=self._callback,
        )

    def another_window(self) -> Application:
        """The same application in another process, as it starts from what this one stored.

        The SDK stores neither the metadata nor when the token expires; applications that want to
        refresh after a restart keep both and put them into the context.
        """
        window = Application(self._stack, self._person)
        window.storage.tokens, window.storage.client = self.storage.tokens, self.storage.client
        known, context = self.provider.context, window.provider.context
        context.oauth_metadata = known.oauth_metadata
        context.protected_resource_metadata = known.protected_resource_metadata
        context.auth_server_url = known.auth_server_url
        context.token_expiry_time = known.token_expiry_time
        return window

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        async with self.traffic.client(auth=self.provider) as http:
            transport = streamable_http_client(self._stack.demo_url, http_client=http)
            async with Client(transport) as client:
                yield client

    async def _open_browser(self, url: str) -> None:
        self.visits.append(await asyncio.to_thread(self._person.authorize, url, self.choice))

    async def _callback(self) -> AuthorizationCodeResult:
        response = self.visits[-1].response
        # The SDK's type wants a code even where the person refused; it rejects an empty one after `iss`.
        return AuthorizationCodeResult(
            code=response.get("code", ""), state=response.get("state"), iss=response.get("iss")
        )


@journey(
    "mcp-sdk-step-up",
    "403 insufficient_scope, wider scope, done; remembered sign-in; a person who unticks the scope; one who refuses",
)
async def step_up(world: World) -> str:
    stack = world.stack
    application = Application(stack, stack.account.person())
    async with application.connected() as client:
        require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.demo_url, {READ})
        [first] = application.visits
        require_authorization(first, stack, stack.demo_url)
        require_equal(first.pages, [SIGN_IN, CONSENT], "pages of the first visit")

        application.choice = Choice(untick=frozenset({WRITE}))
        await require_step_up_fails(client, "create_project", {"name": "Unticked", "description": ""})
        require(WRITE not in application.storage.tokens.scope.split(), "the unticked scope was granted")

        application.choice = ALLOW_ALL
        await client.call_tool("create_project", {"name": "From the SDK", "description": ""})
        granted = application.visits[-1]
        require({READ, WRITE} <= granted.scopes_requested, f"step-up asked for {granted.request['scope']}")
        require_equal(granted.pages, [CONSENT], "pages of a step-up at a browser that is signed in")

    # The SDK gives up the connection when its authorization fails, so the refusal gets one of its own.
    application.choice = Choice(allow=False)
    with contextlib.suppress(Exception):
        async with application.connected() as client:
            await client.call_tool("delete_project", {"project_id": "none"})
    refused = application.visits[-1]
    require(ADMIN in refused.scopes_requested, "the step-up did not ask for admin")
    require_equal(refused.response.get("error"), "access_denied", "error of the refused request")
    require_equal(refused.response.get("state"), refused.request["state"], "state of the refusal")
    require_equal(refused.response.get("iss"), stack.authgent.issuer, "iss of the refusal")

    async with application.connected() as client:
        names = project_names(tool_value(await client.call_tool("list_projects", {})))
    require("From the SDK" in names and "Unticked" not in names, f"projects are {names}")
    require_equal(application.traffic.count("POST", "/oauth/register"), 1, "registrations")
    return f"{len(application.traffic.challenges(FORBIDDEN))} times 403, {len(application.visits)} visits"


async def require_step_up_fails(client: Client, tool: str, arguments: dict) -> None:
    try:
        result = await client.call_tool(tool, arguments)
    except Exception:
        # The SDK raises what its transport or its OAuth flow met; the caller looks at the effects.
        return
    if not result.is_error:
        raise Failed(f"{tool} ran without its scope")


@journey(
    "mcp-sdk-refresh",
    "issuer with a path, tokens of a few seconds: refresh with rotation, and two windows that refresh at once",
)
async def refresh(world: World) -> str:
    stack = world.short_lived
    first = Application(stack, stack.account.person())
    async with first.connected() as client:
        require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.demo_url, {READ})
        before = first.storage.tokens
        require_equal(before.expires_in, SHORT_TOKEN_SECONDS, "expires_in")
        require(before.refresh_token, "no refresh token was issued")

        await asyncio.sleep(SHORT_TOKEN_SECONDS + 1)
        require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.demo_url, {READ})
        after = first.storage.tokens
        require(after.access_token != before.access_token, "the access token was not refreshed")
        require(after.refresh_token != before.refresh_token, "the refresh token was not rotated")
        require_equal(len(first.visits), 1, "visits to the browser")

    # Two windows of one application share what it stored, and wake up after the token is over.
    await asyncio.sleep(SHORT_TOKEN_SECONDS + 1)
    windows = [first.another_window() for _ in range(2)]
    await asyncio.gather(*(use_without_browser(window, stack) for window in windows))
    successors = {window.storage.tokens.refresh_token for window in windows}
    require_equal(len(successors), 1, "successors of one refresh token inside the grace")
    require(after.refresh_token not in successors, "the refresh token was not rotated")
    return "one visit to the browser"


async def use_without_browser(window: Application, stack: Stack) -> None:
    async with window.connected() as client:
        require_whoami(tool_value(await client.call_tool("whoami", {})), stack, stack.demo_url, {READ})
    require_equal(window.visits, [], "visits to the browser")
