"""Tokens seen by software that is no MCP client: Authlib obtains them, PyJWT verifies them."""

from __future__ import annotations

import jwt
import requests

from ..browser import Choice
from ..check import Failed, require, require_equal
from ..generic_client import HTTP_SECONDS, GenericClient
from ..stack import ADMIN, READ, WRITE
from ..world import World, journey

ALGORITHM = "ES256"
REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "auth_time"]
INTEGER_CLAIMS = ["exp", "iat", "auth_time"]
DEFAULT_TOKEN_SECONDS = 300
PRIVATE_JWK_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}


def verified(token: str, client: GenericClient, issuer: str, audience: str) -> dict:
    """Header and payload of a JWT that PyJWT accepts with the keys of the published set."""
    key = jwt.PyJWKClient(client.metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode_complete(
        token, key, algorithms=[ALGORITHM], audience=audience, issuer=issuer, options={"require": ["exp", "iat", "sub"]}
    )


@journey(
    "authlib-pyjwt-access-token", "code flow by Authlib; at+jwt verified by PyJWT against the JWKS, RFC 9068 claims"
)
async def access_token(world: World) -> None:
    stack = world.stack
    client = GenericClient.registered(stack, "Authlib and PyJWT")
    issued = client.authorize(stack.demo_url, {READ, WRITE}, stack.account.person(), Choice(untick=frozenset({WRITE})))
    require_equal(issued["token_type"], "Bearer", "token_type")
    require_equal(issued["expires_in"], DEFAULT_TOKEN_SECONDS, "expires_in")
    require_equal(set(issued["scope"].split()), {READ}, "scope of the token response")

    decoded = verified(issued["access_token"], client, stack.authgent.issuer, stack.demo_url)
    header, claims = decoded["header"], decoded["payload"]
    require_equal(header["typ"], "at+jwt", "typ")
    require_equal(header["alg"], ALGORITHM, "alg")
    require_equal([name for name in REQUIRED_CLAIMS if name not in claims], [], "missing claims")
    for name in INTEGER_CLAIMS:
        require(type(claims[name]) is int, f"{name} is not an integer: {claims[name]!r}")
    require_equal(claims["exp"] - claims["iat"], DEFAULT_TOKEN_SECONDS, "exp - iat")
    require_equal(claims["aud"], stack.demo_url, "aud")
    require_equal(claims["sub"], stack.account.sub, "sub")
    require_equal(claims["client_id"], client.client_id, "client_id")
    require_equal(claims["scope"], READ, "scope")
    require_equal((claims.get("email"), claims.get("name")), (stack.account.email, stack.account.name), "profile")

    keys = requests.get(client.metadata["jwks_uri"], timeout=HTTP_SECONDS).json()["keys"]
    require(header["kid"] in {key["kid"] for key in keys}, "the token's kid is not published")
    require_equal(
        [PRIVATE_JWK_MEMBERS & set(key) for key in keys if PRIVATE_JWK_MEMBERS & set(key)], [], "private members"
    )

    require_rejected(issued["access_token"], client, stack.authgent.issuer, stack.demo_url + "/")
    require_rejected(issued["access_token"], client, stack.authgent.issuer + "/", stack.demo_url)
    head, payload, signature = issued["access_token"].split(".")
    forged = ".".join([head, payload, ("A" if signature[0] != "A" else "B") + signature[1:]])
    require_rejected(forged, client, stack.authgent.issuer, stack.demo_url)


def require_rejected(token: str, client: GenericClient, issuer: str, audience: str) -> None:
    try:
        verified(token, client, issuer, audience)
    except jwt.InvalidTokenError:
        return
    raise Failed(f"PyJWT accepted a token it should not have, for {audience} from {issuer}")


@journey("authlib-refresh-and-revoke", "rotation, narrower scope, revocation seen by introspection and by refresh")
async def refresh_and_revoke(world: World) -> None:
    stack = world.stack
    client = GenericClient.registered(
        stack, "Authlib with a secret", token_endpoint_auth_method="client_secret_basic"
    )
    issued = client.authorize(stack.demo_url, {READ, WRITE, ADMIN}, stack.account.person())
    require_equal(set(issued["scope"].split()), {READ, WRITE, ADMIN}, "granted scope")

    narrowed = client.refresh(issued["refresh_token"], scope=READ, resource=stack.demo_url)
    require_equal(set(narrowed["scope"].split()), {READ}, "scope of the narrower token")
    require(narrowed["refresh_token"] != issued["refresh_token"], "the refresh token was not rotated")
    again = client.refresh(narrowed["refresh_token"], resource=stack.demo_url)
    require_equal(
        set(again["scope"].split()), {READ, WRITE, ADMIN}, "scope of a refresh without scope (RFC 6749 section 6)"
    )

    seen = client.introspect(again["access_token"])
    require_equal((seen["active"], seen["sub"]), (True, stack.account.sub), "introspection before revocation")
    require_equal(client.revoke(again["refresh_token"], "refresh_token").status_code, requests.codes.ok, "revocation")
    require_equal(client.refresh_error(again["refresh_token"]), "invalid_grant", "refresh after revocation")
    require_equal(client.introspect(again["access_token"]), {"active": False}, "introspection after revocation")


@journey("authlib-openid", "scope openid: ID token verified by PyJWT, nonce and audience")
async def id_token(world: World) -> str:
    stack = world.stack
    client = GenericClient.registered(stack, "Authlib with OpenID Connect")
    if "openid" not in client.metadata.get("scopes_supported", []):
        return "not advertised, nothing to do"
    nonce = "n-0S6_WzA2Mj"
    issued = client.authorize(stack.demo_url, {"openid", READ}, stack.account.person(), nonce=nonce)
    require("id_token" in issued, "no id_token although openid was granted")
    claims = verified(issued["id_token"], client, stack.authgent.issuer, client.client_id)["payload"]
    require_equal((claims["sub"], claims["nonce"]), (stack.account.sub, nonce), "sub and nonce of the ID token")
    return "ID token"
