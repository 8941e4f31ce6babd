"""A loopback proxy that adds an access token to each request, for clients that have no way to send one.

Started as `python -m authgent_e2e.bearer_proxy` with `PROXY_PORT`, `PROXY_TARGET` (an MCP endpoint) and
`PROXY_TOKEN`; serves the target's path, and `/` to tell that it is up.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

SECONDS = 60
OF_ONE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}
METHODS = ["GET", "POST", "DELETE", "OPTIONS"]


def application(target: str, token: str, own_hosts: set[str]) -> Starlette:
    """The proxy for one MCP endpoint. `own_hosts` are the `Host` values that stand for the proxy itself."""
    upstream = httpx2.AsyncClient(timeout=SECONDS)

    async def forward(request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in OF_ONE_CONNECTION}
        headers["authorization"] = f"Bearer {token}"
        # Another host was sent on purpose (DNS rebinding), and is what the target has to judge.
        if headers["host"] in own_hosts:
            headers["host"] = urlsplit(target).netloc
        sent = upstream.build_request(request.method, target, headers=headers, content=await request.body())
        answer = await upstream.send(sent, stream=True)
        kept = {name: value for name, value in answer.headers.items() if name not in OF_ONE_CONNECTION}
        return StreamingResponse(answer.aiter_raw(), answer.status_code, headers=kept)

    async def up(_: Request) -> Response:
        return PlainTextResponse("up")

    return Starlette(routes=[Route(urlsplit(target).path, forward, methods=METHODS), Route("/", up)])


def main() -> None:
    port = int(os.environ["PROXY_PORT"])
    hosts = {f"localhost:{port}", f"127.0.0.1:{port}"}
    proxy = application(os.environ["PROXY_TARGET"], os.environ["PROXY_TOKEN"], hosts)
    uvicorn.run(proxy, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
