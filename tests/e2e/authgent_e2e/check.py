"""What journeys assert with, and how they read what an MCP tool returned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .browser import Visit
from .stack import Stack


class Failed(AssertionError):
    """A journey did not go as it should."""


def require(condition: object, message: str) -> None:
    """Fail the journey with `message` unless `condition` holds."""
    if not condition:
        raise Failed(message)


def require_equal(actual: object, expected: object, what: str) -> None:
    if actual != expected:
        raise Failed(f"{what} is {actual!r}, expected {expected!r}")


def tool_value(result: Any) -> Any:
    """The value that a tool returned, of a CallToolResult of any of the Python clients."""
    return value_of_tool(result.structured_content, [block.model_dump() for block in result.content])


def value_of_tool(structured: dict | None, content: list[dict]) -> Any:
    """The value in a tool's result: structured content if there is any, else JSON in the first text block.

    What is no object must be wrapped into one to be structured content; FastMCP and rmcp call it `result`.
    """
    if structured is None:
        return json.loads(content[0]["text"])
    return structured["result"] if set(structured) == {"result"} else structured


def project_names(value: Any) -> list[str]:
    """The names in what `list_projects` returned: a list, or an object that holds it."""
    projects = value["projects"] if isinstance(value, dict) else value
    return [project["name"] for project in projects]


def require_whoami(identity: dict, stack: Stack, audience: str, scopes: Iterable[str]) -> None:
    """`identity`, as `whoami` gave it, is the stack's account with just these scopes at this audience."""
    require_equal(identity["user_id"], stack.account.sub, "whoami.user_id")
    require_equal(identity["email"], stack.account.email, "whoami.email")
    require_equal(identity["name"], stack.account.name, "whoami.name")
    require_equal(identity["issuer"], stack.authgent.issuer, "whoami.issuer")
    audiences = identity["audience"] if isinstance(identity["audience"], list) else [identity["audience"]]
    require_equal(audiences, [audience], "whoami.audience")
    granted = {scope for scope in identity["scopes"] if scope != "offline_access"}
    require_equal(granted, set(scopes), "whoami.scopes")


def require_authorization(visit: Visit, stack: Stack, resource: str) -> None:
    """An authorization request and response as MCP wants them: PKCE, RFC 8707, RFC 9207."""
    request, response = visit.request, visit.response
    require_equal(request.get("code_challenge_method"), "S256", "code_challenge_method")
    require_equal(request.get("resource"), resource, "resource of the authorization request")
    require("code" in response, f"no code in {visit.redirect_url}")
    require_equal(response.get("state"), request["state"], "state of the authorization response")
    require_equal(response.get("iss"), stack.authgent.issuer, "iss of the authorization response")
