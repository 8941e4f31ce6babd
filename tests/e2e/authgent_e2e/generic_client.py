"""An OAuth client that knows nothing of MCP: Authlib's session, driven as its documentation shows."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError

from .browser import ALLOW_ALL, Choice, Person, Visit
from .processes import free_port
from .stack import Stack

HTTP_SECONDS = 30
VERIFIER_BYTES = 48

# Authlib refuses plain http unless told that this is a test on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


class GenericClient:
    """A public or confidential client of one stack's authorization server."""

    def __init__(self, stack: Stack, client_id: str, client_secret: str | None, redirect_uri: str) -> None:
        self.client_id = client_id
        self.metadata = requests.get(stack.authgent.metadata_url, timeout=HTTP_SECONDS).json()
        self.last_visit: Visit | None = None
        self._redirect_uri = redirect_uri
        self.session = OAuth2Session(
            client_id,
            client_secret,
            redirect_uri=redirect_uri,
            token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
            revocation_endpoint_auth_method="client_secret_basic" if client_secret else "none",
            code_challenge_method="S256",
        )

    @staticmethod
    def registered(stack: Stack, name: str, **metadata: Any) -> GenericClient:
        """Register dynamically (RFC 7591); `metadata` adds to or replaces a public client's.

        Two public clients of one `name` are one registration, with the consent that was given to either.
        """
        redirect_uri = f"http://127.0.0.1:{free_port()}/callback"
        server = requests.get(stack.authgent.metadata_url, timeout=HTTP_SECONDS).json()
        wanted = {
            "client_name": name,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        }
        answer = requests.post(server["registration_endpoint"], json=wanted | metadata, timeout=HTTP_SECONDS)
        if answer.status_code != requests.codes.created:
            raise RuntimeError(f"registration answered {answer.status_code}: {answer.text}")
        client = answer.json()
        return GenericClient(stack, client["client_id"], client.get("client_secret"), redirect_uri)

    @staticmethod
    def of_id(stack: Stack, client_id: str) -> GenericClient:
        """A public client that is already registered, for requests other than authorization."""
        return GenericClient(stack, client_id, None, redirect_uri="")

    def authorize(
        self, resource: str, scopes: Iterable[str], person: Person, choice: Choice = ALLOW_ALL, **more: str
    ) -> dict:
        """The whole code flow; returns the token response."""
        verifier = secrets.token_urlsafe(VERIFIER_BYTES)
        url, state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"],
            code_verifier=verifier,
            resource=resource,
            scope=" ".join(sorted(scopes)),
            **more,
        )
        self.last_visit = person.authorize(url, choice)
        return self.session.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=self.last_visit.redirect_url,
            state=state,
            code_verifier=verifier,
            resource=resource,
        )

    def refresh(self, refresh_token: str, **more: str) -> dict:
        return self.session.refresh_token(self.metadata["token_endpoint"], refresh_token=refresh_token, **more)

    def refresh_error(self, refresh_token: str) -> str | None:
        """The OAuth error that refreshing ends with; None if it succeeds."""
        try:
            self.refresh(refresh_token)
        except OAuthError as error:
            return error.error
        return None

    def revoke(self, token: str, hint: str) -> requests.Response:
        return self.session.revoke_token(self.metadata["revocation_endpoint"], token=token, token_type_hint=hint)

    def introspect(self, token: str) -> dict:
        answer = self.session.introspect_token(self.metadata["introspection_endpoint"], token=token)
        answer.raise_for_status()
        return answer.json()
