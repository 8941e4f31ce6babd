"""A FastMCP server behind Authgent.

Authgent signs people in and issues tokens; this server only verifies them. It publishes its
protected-resource metadata (RFC 9728), answers 401 with a challenge that leads a client to Authgent,
and checks every JWT against Authgent's published keys.

    python server.py            HTTP on HOST:PORT, for remote clients
    python server.py --stdio    the same tools for a local process, without sign-in

Environment:

    AUTHGENT_ISSUER        the issuer, exactly as Authgent emits it        http://localhost:8080
    AUTHGENT_INTERNAL_URL  where to fetch the keys if not at the issuer    the issuer
    AUTHGENT_SIGNING_ALG   the algorithm of the tokens                     ES256
    MCP_AUDIENCE           the resource URI registered in Authgent         http://localhost:8000/mcp
    MCP_DB_PATH            where the projects are kept (SQLite)            projects.db
    HOST, PORT             where to listen                                 0.0.0.0, 8000
"""

import os
import sqlite3
import sys
import uuid
from contextlib import closing
from urllib.parse import urlsplit

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import RemoteAuthProvider, require_scopes
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse

AUTHGENT_ISSUER = os.environ.get("AUTHGENT_ISSUER", "http://localhost:8080")
AUTHGENT_INTERNAL_URL = os.environ.get("AUTHGENT_INTERNAL_URL") or AUTHGENT_ISSUER
AUTHGENT_SIGNING_ALG = os.environ.get("AUTHGENT_SIGNING_ALG", "ES256")
MCP_AUDIENCE = os.environ.get("MCP_AUDIENCE", "http://localhost:8000/mcp")
MCP_DB_PATH = os.environ.get("MCP_DB_PATH", "projects.db")
HOST = os.environ.get("HOST", "0.0.0.0")
PORT = int(os.environ.get("PORT", "8000"))

# FastMCP derives the resource it publishes from `base_url` and the path it serves, so both come from
# the audience: https://mcp.example.com/mcp is published as just that. An audience without a path is
# served at /mcp and published with it; Authgent then needs that URL as an alias of the resource.
_audience = urlsplit(MCP_AUDIENCE)
BASE_URL = f"{_audience.scheme}://{_audience.netloc}"
MCP_PATH = _audience.path.rstrip("/") or "/mcp"

# A plain AnyHttpUrl turns https://auth.example.com into https://auth.example.com/, which clients then
# compare with the issuer's metadata and refuse (RFC 8414 section 3.3 wants them identical).
_verbatim_url = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))

auth = RemoteAuthProvider(
    token_verifier=JWTVerifier(
        jwks_uri=f"{AUTHGENT_INTERNAL_URL.rstrip('/')}/.well-known/jwks.json",
        issuer=AUTHGENT_ISSUER,
        audience=MCP_AUDIENCE,
        # JWTVerifier expects RS256 unless told otherwise; Authgent signs with ES256.
        algorithm=AUTHGENT_SIGNING_ALG,
        # Every request needs these; single tools ask for more below.
        required_scopes=["mcp:read"],
    ),
    authorization_servers=[_verbatim_url.validate_python(AUTHGENT_ISSUER)],
    base_url=BASE_URL,
    resource_name="FastMCP demo",
    # FastMCP hides a tool whose scope the token lacks, so a client is never told what to step up to.
    # With challenge_scopes=["mcp:read", "mcp:write"] clients ask for both when they first connect.
)

mcp = FastMCP(name="FastMCP demo", auth=auth)


def claims() -> dict:
    """The verified claims of the token that came with this call; over stdio there is none."""
    token = get_access_token()
    return token.claims if token else {"sub": "local", "scope": ""}


class Projects:
    """Projects in SQLite. Each belongs to the `sub` of the person who made it."""

    def __init__(self, path: str) -> None:
        self._path = path
        with self._open() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS project ("
                "id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL)"
            )
            db.execute("CREATE INDEX IF NOT EXISTS project_owner ON project (owner)")
            db.commit()

    def _open(self) -> closing[sqlite3.Connection]:
        # Tools run in worker threads and a connection belongs to its thread, so each call opens one.
        db = sqlite3.connect(self._path)
        db.row_factory = sqlite3.Row
        return closing(db)

    def of(self, owner: str) -> list[dict]:
        with self._open() as db:
            rows = db.execute(
                "SELECT id, name, description FROM project WHERE owner = ? ORDER BY rowid", (owner,)
            )
            return [dict(row) for row in rows]

    def create(self, owner: str, name: str, description: str) -> dict:
        project = {"id": str(uuid.uuid4()), "name": name, "description": description}
        with self._open() as db:
            db.execute(
                "INSERT INTO project (id, owner, name, description) VALUES (:id, :owner, :name, :description)",
                {**project, "owner": owner},
            )
            db.commit()
        return project

    def delete(self, project_id: str) -> bool:
        with self._open() as db:
            deleted = db.execute("DELETE FROM project WHERE id = ?", (project_id,)).rowcount == 1
            db.commit()
        return deleted


projects = Projects(MCP_DB_PATH)


@mcp.tool
def whoami() -> dict:
    """Return the authenticated user's identity."""
    token = claims()
    return {
        "user_id": token.get("sub"),
        "email": token.get("email"),
        "name": token.get("name"),
        "scopes": token.get("scope", "").split(),
        "issuer": token.get("iss"),
        "audience": token.get("aud"),
        "expires_at": token.get("exp"),
    }


@mcp.tool
def list_projects() -> list[dict]:
    """List your projects. Requires the default mcp:read scope."""
    return projects.of(claims()["sub"])


@mcp.tool(auth=require_scopes("mcp:write"))
def create_project(name: str, description: str = "") -> dict:
    """Create a project. Requires the mcp:write scope in addition to mcp:read."""
    return projects.create(claims()["sub"], name, description)


@mcp.tool(auth=require_scopes("admin"))
def delete_project(project_id: str) -> dict:
    """Delete a project, whoever owns it. Requires the admin scope."""
    if not projects.delete(project_id):
        raise ToolError(f"no project {project_id}")
    return {"deleted": project_id}


@mcp.tool
def get_user_data() -> dict:
    """Fetch data scoped to the authenticated user."""
    owner = claims()["sub"]
    return {"user_id": owner, "projects": projects.of(owner)}


@mcp.custom_route("/health/live", methods=["GET"])
async def live(_: Request) -> JSONResponse:
    """For probes: open, and says nothing but that the process answers."""
    return JSONResponse({"status": "ok"})


if __name__ == "__main__":
    if "--stdio" in sys.argv[1:]:
        mcp.run(transport="stdio", show_banner=False)
    else:
        mcp.run(transport="http", host=HOST, port=PORT, path=MCP_PATH, show_banner=False)
