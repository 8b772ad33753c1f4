"""The pages people see: server-rendered HTML under a strict policy, working without script first."""

from hanlin.web.respond import failures
from hanlin.web.rooms import Rooms
from hanlin.web.routes import routes

__all__ = ["Rooms", "failures", "routes"]
