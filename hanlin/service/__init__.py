"""The governed pipeline, the only way a request reaches a model; and the seals of the files that leave."""

from hanlin.service.calls import Answered, Calls
from hanlin.service.pipeline import Pipeline, serve
from hanlin.service.provenance import Marked, Origin, Provenance
from hanlin.service.request import Held, Request
from hanlin.service.run import Finished
from hanlin.service.running import Running
from hanlin.service.seals import Seals, Signing, Wish

__all__ = [
    "Answered",
    "Calls",
    "Finished",
    "Held",
    "Marked",
    "Origin",
    "Pipeline",
    "Provenance",
    "Request",
    "Running",
    "Seals",
    "Signing",
    "Wish",
    "serve",
]
