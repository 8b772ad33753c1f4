"""Figures as a table, and beside what they are meant to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = dict[str, float]
Medians = Mapping[str, Figures]

COLUMNS = {
    "start_seconds": "start, s",
    "start_mb": "MB at start",
    "end_mb": "MB at end",
    "p50_ms": "p50 alone, ms",
    "added_p50_ms": "added p50, ms",
    "p99_ms": "p99 alone, ms",
    "requests_per_second": "requests/s at 32",
    "cpu_ms_per_request": "CPU-s per 1,000 requests",
    "first_text_ms": "first text, ms",
    "streams_per_second": "streams/s, 32 at once",
    "cpu_ms_per_stream": "CPU-ms per stream",
    "other_cores": "cores others used",
}
"""Each figure of one run by name, and its heading. CPU-ms for one request are CPU-s for 1,000."""


@dataclass(frozen=True)
class Goal:
    words: str
    value: Callable[[Medians], float]
    """Raises KeyError when a row it needs was not measured."""
    bound: float
    at_least: bool = False

    def judge(self, medians: Medians) -> str:
        try:
            value = self.value(medians)
        except KeyError as missing:
            return f"- {self.words}: not measured, {missing} is missing."
        met = value >= self.bound if self.at_least else value <= self.bound
        sign = "≥" if self.at_least else "≤"
        return f"- {self.words}: {number(value)}, wanted {sign} {number(self.bound)}: {'met' if met else 'MISSED'}."


GOALS = (
    Goal(
        "Requests per CPU-second, as a multiple of LiteLLM's",
        lambda rows: rows["litellm"]["cpu_ms_per_request"] / rows["hanlin upstream"]["cpu_ms_per_request"],
        40,
        at_least=True,
    ),
    Goal(
        "CPU per request, as a multiple of nginx's",
        lambda rows: rows["hanlin upstream"]["cpu_ms_per_request"] / rows["nginx"]["cpu_ms_per_request"],
        6,
    ),
    Goal("Added median latency, ms", lambda rows: rows["hanlin upstream"]["added_p50_ms"], 1),
    Goal("CPU-ms per stream of 50 chunks", lambda rows: rows["hanlin upstream"]["cpu_ms_per_stream"], 5),
    Goal("Start without the model, s", lambda rows: rows["hanlin upstream"]["start_seconds"], 3),
    Goal("Resident without the engine, MB", lambda rows: rows["hanlin upstream"]["end_mb"], 200),
)


def medians_of(runs: Mapping[str, Sequence[Figures]]) -> dict[str, Figures]:
    return {
        row: {name: median(run[name] for run in each if name in run) for name in each[0]} for row, each in runs.items()
    }


def table(runs: Mapping[str, Sequence[Figures]]) -> str:
    """Markdown: a row for each gateway, `median (lowest-highest)` in each cell."""
    used = [name for name in COLUMNS if any(name in each[0] for each in runs.values())]
    lines = [["", *(COLUMNS[name] for name in used)], ["---"] * (len(used) + 1)]
    for row, each in runs.items():
        lines.append([row, *(_cell([run[name] for run in each if name in run]) for name in used)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def goals(runs: Mapping[str, Sequence[Figures]]) -> str:
    medians = medians_of(runs)
    return "\n".join(goal.judge(medians) for goal in GOALS)


def number(value: float) -> str:
    """Three digits that mean something, and no more."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ({number(min(values))}-{number(max(values))})" if len(values) > 1 else ""
    return number(median(values)) + spread
