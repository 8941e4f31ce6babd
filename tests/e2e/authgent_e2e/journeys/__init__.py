"""The journeys. Each module registers one or more functions that take a `World` and raise if something is off.

They run in the order of this import.
"""

from . import fastmcp_client, mcp_sdk, inspector, conformance, chromium, tokens  # noqa: F401, I001
