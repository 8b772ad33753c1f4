"""The governed pipeline: the only way a request reaches a model."""

from hanlin.service.pipeline import Pipeline, serve
from hanlin.service.request import Request
from hanlin.service.run import Finished
from hanlin.service.running import Running

__all__ = ["Finished", "Pipeline", "Request", "Running", "serve"]
