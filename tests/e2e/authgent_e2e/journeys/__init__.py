"""The journeys. Each module registers one or more functions that take a `World` and raise if something is off.

They run in the order of this import.
"""

from . import (  # noqa: F401, I001
    fastmcp_client,
    mcp_sdk,
    typescript_sdk,
    inspector,
    conformance,
    chromium,
    passkeys,
    people,
    tokens,
    doctor,
    oauth4webapi,
    openid,
    keys,
)
