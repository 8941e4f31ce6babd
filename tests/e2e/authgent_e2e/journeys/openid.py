"""OpenID Connect from discovery to signing out, by openid-client and oauth4webapi: see the `.mjs` of these names."""

from __future__ import annotations

from ..browser import CONSENT, SIGN_IN, origin_of
from ..check import require, require_equal
from ..node_application import LOOPBACK_CALLBACK, Ran, run_application
from ..processes import free_port
from ..stack import READ, Stack
from ..world import World, journey

NAME = "Application with OpenID Connect"
SCOPE = "openid profile email offline_access"
ACR = "urn:authgent:acr:single"


async def sign_in(world: World, stack: Stack, script: str, label: str, **more: object) -> Ran:
    """The whole journey, and what holds of it however the client is known."""
    settings = {"issuer": stack.authgent.issuer, "scope": SCOPE, "client_name": NAME, **more}
    ran = await run_application(script, settings, stack.account.person(), world.output / f"{label}.err")

    claims, refreshed = ran.result["claims"], ran.result["refreshed"]
    require_equal(claims["sub"], stack.account.sub, "sub of the ID token")
    require_equal(claims["aud"], ran.result["client_id"], "aud of the ID token")
    require_equal((claims["amr"], claims["acr"]), (["pwd"], ACR), "how the person signed in")
    require("at_hash" in claims and "auth_time" in claims, f"at_hash or auth_time is missing: {sorted(claims)}")
    for claim in ("iss", "sub", "aud", "auth_time", "acr", "amr"):
        require_equal(refreshed[claim], claims[claim], f"{claim} after the refresh")
    profile = {"sub": stack.account.sub, "name": stack.account.name, "email": stack.account.email}
    verified = ran.result["userinfo"].pop("email_verified")
    require_equal(verified, claims["email_verified"], "email_verified of userinfo and ID token")
    require_equal(ran.result["userinfo"], profile, "userinfo")
    require_equal(ran.visits[0].pages, [SIGN_IN, CONSENT], "pages of the sign-in")
    return ran


def require_signed_out(ran: Ran, goodbye: str) -> None:
    """The sign-out asked nothing, and led to where the client said."""
    visit = next(visit for visit in ran.visits if "/logout" in visit.authorize_url)
    require_equal(visit.pages, [], "pages of the sign-out")
    require_equal(origin_of(visit.redirect_url), origin_of(goodbye), "where the sign-out led")


@journey(
    "openid-client-registration",
    "registers itself; discovery, code with PKCE and nonce, ID token, userinfo, refresh, RP-initiated sign-out",
)
async def registration(world: World) -> None:
    for label, stack in {"plain": world.stack, "path": world.short_lived}.items():
        ran = await sign_in(world, stack, "openid-client.mjs", label)
        userinfo = f"{stack.authgent.issuer}/oauth/userinfo"
        require_equal(ran.result["audience"], userinfo, "aud of an access token for nobody else")
        require_signed_out(ran, ran.result["goodbye"])


@journey("openid-client-preregistered", "the same with a client from `authgent client add` that has a secret")
async def preregistered(world: World) -> None:
    port = free_port()
    goodbye = f"http://127.0.0.1:{port}/callback"
    arguments = ("--redirect-uri", LOOPBACK_CALLBACK, "--post-logout-redirect-uri", goodbye, "--confidential")
    added = world.stack.authgent.cli("client", "add", "--name", NAME, *arguments)
    known = {name: added[name] for name in ("client_id", "client_secret")}
    ran = await sign_in(world, world.stack, "openid-client.mjs", "preregistered", goodbye_port=port, **known)
    require_equal(ran.registrations, 0, "registrations")
    require_signed_out(ran, goodbye)


@journey("openid-client-resource", "the same with a token for an MCP server, which userinfo takes as well")
async def resource(world: World) -> None:
    stack = world.stack
    scope = f"{SCOPE} {READ}"
    ran = await sign_in(world, stack, "openid-client.mjs", "resource", scope=scope, resource=stack.demo_url)
    require_equal(ran.result["audience"], stack.demo_url, "aud of the access token")


@journey(
    "oauth4webapi-openid",
    "the same by oauth4webapi; prompt=none, acr_values, a forged hint and a request object come back as errors",
)
async def strict(world: World) -> None:
    ran = await sign_in(world, world.stack, "oauth4webapi-openid.mjs", "strict")
    require_signed_out(ran, ran.result["goodbye"])
    errors = {
        "prompt=none": "consent_required",
        "acr_values=phr": "unmet_authentication_requirements",
        "a forged hint": "invalid_request",
        "request": "request_not_supported",
        "prompt=none after signing out": "login_required",
    }
    require_equal(ran.result["errors"], errors, "errors")
