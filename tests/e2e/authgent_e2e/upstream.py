"""A company's identity provider: oidc-provider, as `provider.mjs` runs it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from .processes import Process, free_port

CLIENT_ID = "authgent"
PEOPLE = {
    width: {"name": "Ada Lovelace", "email": f"{width}@corp.example", "email_verified": True, "groups": ["engineering"]}
    for width in ("phone-person", "desktop-person")
}


class Provider:
    """Runs beside the server whose people it signs in. Its settings come first, its start after the server's port is known."""

    def __init__(self, node: Path, e2e: Path, log: Path) -> None:
        self._node = node
        self._e2e = e2e
        self._log = log
        self._port = free_port()
        self._secret = secrets.token_urlsafe(24)
        self._process: Process | None = None
        self.issuer = f"http://localhost:{self._port}"

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.stop()

    @property
    def settings(self) -> dict[str, str]:
        """What Authgent has to be told to sign people in here."""
        return {
            "AUTHGENT_IDP_ISSUER": self.issuer,
            "AUTHGENT_IDP_CLIENT_ID": CLIENT_ID,
            "AUTHGENT_IDP_CLIENT_SECRET": self._secret,
            "AUTHGENT_IDP_NAME": "Example Corp",
        }

    def start(self, issuer: str) -> None:
        """Start it for the server at this issuer."""
        settings = {
            "port": self._port,
            "client_id": CLIENT_ID,
            "client_secret": self._secret,
            "redirect_uri": f"{issuer}/idp/callback",
            "backchannel_logout_uri": f"{issuer}/idp/idp/backchannel-logout",
            "accounts": PEOPLE,
        }
        command = [str(self._node), "provider.mjs"]
        self._process = Process("provider", command, None, self._log, self._e2e, stdin=json.dumps(settings))
        self._process.wait_for(f"{self.issuer}/.well-known/openid-configuration")
