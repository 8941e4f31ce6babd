"""oauth4webapi, a strict OAuth client, with each way to be known. What it does is in `oauth4webapi.mjs`."""

from __future__ import annotations

from ..browser import CONSENT, SIGN_IN
from ..check import require, require_authorization, require_equal, require_whoami
from ..node_application import LOOPBACK_CALLBACK, Ran, client_document, run_application
from ..stack import READ, WRITE
from ..world import World, journey

NAME = "Application on oauth4webapi"
GRANTS = ["authorization_code", "refresh_token", "refresh_token"]
"""The last refresh comes after the revocation, and is refused."""


async def sign_in(world: World, label: str, publish_keys_at: str | None = None, **way: str) -> Ran:
    """The whole journey; `way` says how the application is known."""
    stack = world.stack
    settings = {
        "issuer": stack.authgent.issuer,
        "resource": stack.demo_url,
        "scope": f"{READ} {WRITE}",
        "client_name": NAME,
        **way,
    }

    def on_keys(jwks: dict) -> None:
        if publish_keys_at is not None:
            world.documents.publish(publish_keys_at, jwks)

    log = world.output / f"{label}.err"
    ran = await run_application("oauth4webapi.mjs", settings, stack.account.person(), log, on_keys)

    require_equal(len(ran.result["identities"]), 2, "calls of whoami")
    for identity in ran.result["identities"]:
        require_whoami(identity, stack, stack.demo_url, {READ, WRITE})
    require(ran.result["rotated"], "the refresh token was not rotated")
    claims = ran.result["claims"]
    require_equal(claims["client_id"], ran.result["client_id"], "client_id of the access token")
    require_equal(claims["sub"], stack.account.sub, "sub of the access token")
    require_equal(len(ran.visits), 1, "visits to the browser")
    [visit] = ran.visits
    require_authorization(visit, stack, stack.demo_url)
    require_equal(visit.pages, [SIGN_IN, CONSENT], "pages of the visit")
    asked = [(exchange["grant_type"], exchange["resource"]) for exchange in ran.token_requests]
    require_equal(asked, [(grant, stack.demo_url) for grant in GRANTS], "token requests")
    return ran


def require_assertions(ran: Ran) -> None:
    """Every request to the token and revocation endpoints was authenticated by an assertion (RFC 7523)."""
    sent = [exchange["asserted"] for exchange in ran.exchanges if "asserted" in exchange]
    require_equal(sent, [True] * (len(GRANTS) + 1), "assertions sent")


@journey("oauth4webapi-document", "known by the URL of a client metadata document, which is fetched once")
async def document(world: World) -> None:
    path = "/client.json"
    client_id = world.documents.publish_client(path, client_document(NAME))
    ran = await sign_in(world, "document", client_id=client_id)
    require_equal(ran.result["client_id"], client_id, "client_id")
    require_equal(world.documents.fetches(path), 1, "fetches of the document")


@journey("oauth4webapi-registration", "registers itself (RFC 7591); strict reading of every response; revocation")
async def registration(world: World) -> None:
    ran = await sign_in(world, "registration")
    require_equal(ran.registrations, 1, "registrations")


@journey("oauth4webapi-preregistered", "clients from `authgent client add`: one without a secret, one with")
async def preregistered(world: World) -> None:
    for label, kind in {"public": [], "confidential": ["--confidential"]}.items():
        arguments = ("--name", NAME, "--redirect-uri", LOOPBACK_CALLBACK, *kind)
        added = world.stack.authgent.cli("client", "add", *arguments)
        known = {name: added[name] for name in ("client_id", "client_secret") if name in added}
        require_equal("client_secret" in known, label == "confidential", f"a secret for the {label} client")
        ran = await sign_in(world, label, **known)
        require_equal(ran.registrations, 0, "registrations")


@journey(
    "oauth4webapi-private-key-jwt",
    "a key of its own: ES256 with a document and its jwks_uri, RS256 with jwks in a registration; others refused",
)
async def private_key_jwt(world: World) -> None:
    document_path, keys_path = "/private-key-jwt/client.json", "/private-key-jwt/jwks.json"
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": world.documents.url(keys_path)}
    client_id = world.documents.publish_client(document_path, client_document(NAME, **keys))
    ran = await sign_in(world, "document", publish_keys_at=keys_path, client_id=client_id, alg="ES256")
    require_assertions(ran)
    require_equal(world.documents.fetches(document_path), 1, "fetches of the document")
    require(world.documents.fetches(keys_path), "nobody fetched the key set")

    ran = await sign_in(world, "registered", alg="RS256")
    require_assertions(ran)
    require_equal(ran.registrations, 1, "registrations")
