"""OpenTelemetry traces, when an endpoint is configured: one span a generation, GenAI semantic conventions, no text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hanlin.errors import Misconfigured
from hanlin.service import Finished
from hanlin.types import Status

NANOSECONDS = 1_000_000_000


class Traces:
    """Exports spans in the background; made only when `traces_url` is set."""

    def __init__(self, url: str) -> None:
        """Raises Misconfigured with the install line when the extra is missing."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError:
            raise Misconfigured(
                "`traces_url` is set and OpenTelemetry is not installed.", action="Run `pip install 'hanlin[traces]'`."
            ) from None
        self._provider: Any = TracerProvider(resource=Resource.create({"service.name": "hanlin"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("hanlin")

    def observe(self, finished: Finished) -> None:
        """One span from request to end (semantic conventions for generative AI, `gen_ai.*`)."""
        end = time.time_ns()
        span = self._tracer.start_span(
            f"chat {finished.model}",
            start_time=end - int(finished.seconds * NANOSECONDS),
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": finished.model,
                "gen_ai.usage.input_tokens": finished.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": finished.usage.completion_tokens,
                "hanlin.request": finished.request_id,
                "hanlin.service": finished.service,
                "hanlin.status": finished.status.value,
            },
        )
        if finished.status is not Status.COMPLETED:
            span.set_attribute("error.type", finished.status.value)
        span.end(end_time=end)

    def close(self) -> None:
        """Send what is waiting."""
        self._provider.shutdown()


def tee(*observers: Callable[[Finished], None]) -> Callable[[Finished], None]:
    """One observer that calls each in order."""

    def observe(finished: Finished) -> None:
        for observer in observers:
            observer(finished)

    return observe
