"""Authlib's authorization server as somebody would run it who wants what Authgent does: access tokens for one resource, JWTs
that ES256 signs, and refresh tokens that rotate, and of which one that is used twice ends its grant. Everything is kept in
memory. Flask receives the requests and Waitress serves them, as Flask's documentation tells.

    .venv/bin/python authlib_server.py

The driver of the benchmark knows no more of it than the line on standard output: its issuer, and the clients it has. Whoever
asks is signed in, and whatever is asked for is granted, without a page. It ends when standard input does.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import secrets
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version

import waitress
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin, grants, list_to_scope, scope_to_list
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc.jwk import ECKey, KeySet

RESOURCE = "http://localhost:8000/mcp"
SCOPE = "mcp:read"
REDIRECT_URI = "http://127.0.0.1/callback"
SERVICE = {"client_id": "service", "client_secret": "the secret of the benchmark"}
PUBLIC = "public"
ACCESS_TOKEN_SECONDS = 300
CODE_SECONDS = 60
REFRESH_TOKEN_SECONDS = 14 * 24 * 3600


@dataclass
class Client(ClientMixin):
    client_id: str
    token_endpoint_auth_method: str
    grant_types: list[str]
    client_secret: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    response_types: list[str] = field(default_factory=list)

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return next(iter(self.redirect_uris), None)

    def get_allowed_scope(self, scope: str | None) -> str:
        return list_to_scope([one for one in scope_to_list(scope) or [] if one == SCOPE])

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint != "token" or method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


class User:
    def get_user_id(self) -> str:
        return "you"


@dataclass
class Grant:
    """What a person allowed a client. Every refresh token of one belongs to it."""

    client_id: str
    user: User
    scope: str
    live: bool = True


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    grant: Grant
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    expires_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.grant.scope


@dataclass
class RefreshToken(TokenMixin):
    grant: Grant
    expires_at: float
    used: bool = False

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.grant.client_id

    def get_scope(self) -> str:
        return self.grant.scope


clients = {
    client.client_id: client
    for client in (
        Client(**SERVICE, token_endpoint_auth_method="client_secret_post", grant_types=["client_credentials"]),
        Client(
            PUBLIC,
            token_endpoint_auth_method="none",
            grant_types=["authorization_code", "refresh_token"],
            redirect_uris=[REDIRECT_URI],
            response_types=["code"],
        ),
    )
}
codes: dict[str, Code] = {}
refresh_tokens: dict[str, RefreshToken] = {}
you = User()


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

    def save_authorization_code(self, code, request) -> None:
        asked = request.payload
        codes[code] = Code(
            code,
            Grant(asked.client_id, request.user, asked.scope),
            asked.redirect_uri,
            asked.data["code_challenge"],
            asked.data["code_challenge_method"],
            time.time() + CODE_SECONDS,
        )

    def query_authorization_code(self, code, client) -> Code | None:
        found = codes.get(code)
        if found and found.grant.client_id == client.client_id and time.time() < found.expires_at:
            return found
        return None

    def delete_authorization_code(self, authorization_code) -> None:
        del codes[authorization_code.code]

    def authenticate_user(self, authorization_code) -> User:
        return authorization_code.grant.user


class RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token) -> RefreshToken | None:
        found = refresh_tokens.get(refresh_token)
        if found is None or not found.grant.live or time.time() >= found.expires_at:
            return None
        if found.used:
            found.grant.live = False
            return None
        return found

    def authenticate_user(self, refresh_token) -> User:
        return refresh_token.grant.user

    def revoke_old_credential(self, refresh_token) -> None:
        refresh_token.used = True


class Tokens(JWTBearerTokenGenerator):
    def __init__(self, issuer: str, key: ECKey) -> None:
        super().__init__(
            issuer,
            alg="ES256",
            refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
            expires_generator=ACCESS_TOKEN_SECONDS,
        )
        self.key = key

    def get_jwks(self) -> ECKey:
        return self.key

    def get_audiences(self, client, user, scope) -> str:
        return RESOURCE


def save_token(token, request) -> None:
    """Access tokens are JWTs, which nobody looks up."""
    if refresh_token := token.get("refresh_token"):
        before = request.refresh_token if request.payload.grant_type == "refresh_token" else request.authorization_code
        refresh_tokens[refresh_token] = RefreshToken(before.grant, time.time() + REFRESH_TOKEN_SECONDS)


def application(issuer: str) -> Flask:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    app = Flask("authlib_server")
    server = AuthorizationServer(app, clients.get, save_token)
    server.scopes_supported = [SCOPE]
    server.register_token_generator("default", Tokens(issuer, key))
    server.register_grant(ClientCredentialsGrant)
    server.register_grant(AuthorizationCodeGrant, [CodeChallenge(required=True)])
    server.register_grant(RefreshTokenGrant)
    metadata = AuthorizationServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        jwks_uri=f"{issuer}/jwks",
        scopes_supported=[SCOPE],
        response_types_supported=["code"],
        grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported=["none", "client_secret_post"],
        code_challenge_methods_supported=["S256"],
    )
    metadata.validate()

    @app.get(get_well_known_url(issuer))
    def tell_metadata():
        return metadata

    @app.get("/jwks")
    def tell_keys():
        return KeySet([key]).as_dict(private=False)

    @app.get("/authorize")
    def authorize():
        try:
            grant = server.get_consent_grant(end_user=you)
        except OAuth2Error as error:
            return dict(error.get_body()), error.status_code
        return server.create_authorization_response(grant_user=you, grant=grant)

    @app.post("/token")
    def issue_token():
        return server.create_token_response()

    return app


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    # The issuer of a benchmark is not served over TLS.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    # It tells of every request that has to wait for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = waitress.create_server(application(issuer), sockets=[listener])
    versions = [f"{name} {version(name)}" for name in ("Authlib", "Flask", "waitress")]
    program = f"{', '.join(versions)} on Python {platform.python_version()}"
    print(json.dumps({"program": program, "issuer": issuer, "service": SERVICE, "public": PUBLIC}), flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
