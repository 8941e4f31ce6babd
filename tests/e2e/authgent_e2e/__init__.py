"""End-to-end journeys through Authgent with software that its authors did not write."""
