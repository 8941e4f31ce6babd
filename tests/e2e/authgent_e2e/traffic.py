"""Notes the HTTP requests that a Python client makes, to see how it got where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.shared._httpx_utils import create_mcp_http_client

UNAUTHORIZED = 401
FORBIDDEN = 403


@dataclass(frozen=True)
class Exchange:
    """One request and the status and challenge of its response."""

    method: str
    path: str
    status: int
    challenge: str


class Traffic:
    """The exchanges of every client made by `client`."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def client(self, **options: Any) -> httpx2.AsyncClient:
        """An HTTP client as the MCP SDK makes it, that is listened to. Fits `httpx_client_factory`."""
        # FastMCP passes this on; the SDK's factory sets it itself.
        options.pop("follow_redirects", None)
        made = create_mcp_http_client(**options)
        made.event_hooks["response"].append(self._note)
        return made

    async def _note(self, response: httpx2.Response) -> None:
        request = response.request
        self.exchanges.append(
            Exchange(
                request.method,
                urlsplit(str(request.url)).path,
                response.status_code,
                response.headers.get("www-authenticate", ""),
            )
        )

    def challenges(self, status: int) -> list[str]:
        return [exchange.challenge for exchange in self.exchanges if exchange.status == status]

    def count(self, method: str, path_end: str) -> int:
        return sum(e.method == method and e.path.endswith(path_end) for e in self.exchanges)

    def clear(self) -> None:
        self.exchanges.clear()
