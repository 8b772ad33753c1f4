"""GET /metrics for Prometheus. Counted in plain dictionaries on the hot path, shaped when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from hanlin.service import Finished

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Upper bounds of the histograms' buckets."""


class Histogram:
    """Counts of one measured quantity in SECONDS' buckets."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.total += seconds
        for place, bound in enumerate(SECONDS):
            if seconds <= bound:
                self.counts[place] += 1
                return
        self.counts[-1] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        found: list[tuple[str, float]] = []
        running = 0
        for bound, count in zip([*map(str, SECONDS), "+Inf"], self.counts, strict=True):
            running += count
            found.append((bound, running))
        return found


class Metrics(Collector):
    """Every ended generation by service, model and status; latencies; what runs now."""

    def __init__(self, gauges: Callable[[], dict[str, float]]) -> None:
        self._gauges = gauges
        self._generations: dict[tuple[str, str, str], int] = {}
        self._tokens: dict[tuple[str, str, str], int] = {}
        self._decisions: dict[tuple[str, str, str], int] = {}
        self._seconds: dict[tuple[str, str], Histogram] = {}
        self._first: dict[tuple[str, str], Histogram] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, finished: Finished) -> None:
        where = (finished.service, finished.model)
        outcome = (*where, finished.status)
        self._generations[outcome] = self._generations.get(outcome, 0) + 1
        for kind, count in (("prompt", finished.usage.prompt_tokens), ("completion", finished.usage.completion_tokens)):
            self._tokens[*where, kind] = self._tokens.get((*where, kind), 0) + count
        for decision in finished.decisions:
            if decision.rule:
                which = (decision.policy.partition("@")[0], decision.rule, str(decision.verdict))
                self._decisions[which] = self._decisions.get(which, 0) + 1
        self._histogram(self._seconds, where).add(finished.seconds)
        if finished.seconds_to_first is not None:
            self._histogram(self._first, where).add(finished.seconds_to_first)

    def _histogram(self, histograms: dict[tuple[str, str], Histogram], where: tuple[str, str]) -> Histogram:
        found = histograms.get(where)
        if found is None:
            found = histograms[where] = Histogram()
        return found

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Any]:
        generations = CounterMetricFamily(
            "hanlin_generations", "Ended generations.", labels=["service", "model", "status"]
        )
        for outcome, count in self._generations.items():
            generations.add_metric(outcome, count)
        tokens = CounterMetricFamily("hanlin_tokens", "Tokens.", labels=["service", "model", "kind"])
        for what, count in self._tokens.items():
            tokens.add_metric(what, count)
        decisions = CounterMetricFamily(
            "hanlin_policy_decisions", "What rules decided.", labels=["policy", "rule", "verdict"]
        )
        for which, count in self._decisions.items():
            decisions.add_metric(which, count)
        yield generations
        yield tokens
        yield decisions
        yield _family("hanlin_generation_seconds", "From request to end.", self._seconds)
        yield _family("hanlin_first_chunk_seconds", "From request to the first chunk.", self._first)
        for name, value in self._gauges().items():
            yield GaugeMetricFamily(f"hanlin_{name}", name.replace("_", " "), value=value)


def _family(name: str, text: str, histograms: dict[tuple[str, str], Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=["service", "model"])
    for where, histogram in histograms.items():
        family.add_metric(where, histogram.buckets(), histogram.total)
    return family
