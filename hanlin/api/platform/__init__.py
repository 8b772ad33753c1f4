"""Hanlin's own resources under /api, described by OpenAPI at /api/openapi.json."""

from hanlin.api.platform.routes import Rooms, description, failure, routes

__all__ = ["Rooms", "description", "failure", "routes"]
