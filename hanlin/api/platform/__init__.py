"""Hanlin's own resources under /api, described by OpenAPI at /api/openapi.json."""

from hanlin.api.platform.routes import Rooms, failure, routes

__all__ = ["Rooms", "failure", "routes"]
