"""What publishing a policy would change, as a page shows it: sentences, samples and the text itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hanlin.policy import Policy
from hanlin.policy.checking import Change, Failure, Outcome, Preview
from hanlin.policy.judging import ENDING

SHOWN_CHANGES = 200
SHOWN_LINES = 2000
SHOWN_CHARACTERS = 400
"""Of a sample or a line."""
MARKS = ("worse", "better", "other")
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A sample that comes out differently."""

    text: str
    expected: str
    before: str
    before_rule: str
    after: str
    after_rule: str
    mark: str
    """One of MARKS; `other` when it was right, or wrong, before and after."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    kind: str
    """`add`, `cut`, `place` (where in the text) or `same`."""
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A preview."""

    name: str
    serving: str
    """The version that serves now and would be replaced; "" for a new policy."""
    version: str
    samples: int
    wrong_before: int
    wrong_after: int
    failures: Sequence[Failure]
    changes: Sequence[ChangeRow]
    more_changes: int
    difference: Sequence[DiffLine]
    more_lines: int
    worse: bool
    """Whether more samples come out wrong than now."""
    idle: bool
    """Whether this very version serves already."""


def effect(serving: str, proposed: Policy, preview: Preview, difference: str) -> Effect:
    lines = diff_lines(difference)
    changes = sorted(map(_change, preview.changes), key=lambda change: MARKS.index(change.mark))
    return Effect(
        name=proposed.name,
        serving=serving,
        version=proposed.version,
        samples=preview.samples,
        wrong_before=preview.wrong_before,
        wrong_after=preview.wrong_after,
        failures=preview.failures,
        changes=changes[:SHOWN_CHANGES],
        more_changes=max(0, len(changes) - SHOWN_CHANGES),
        difference=lines[:SHOWN_LINES],
        more_lines=max(0, len(lines) - SHOWN_LINES),
        worse=preview.wrong_after > preview.wrong_before,
        idle=serving == proposed.version,
    )


def diff_lines(difference: str) -> list[DiffLine]:
    """The lines of a unified diff without its two lines of names."""
    kinds = {"+": "add", "-": "cut", "@": "place"}
    return [
        DiffLine(
            kinds.get(line[:1], "same"), line[:SHOWN_CHARACTERS] if line[:1] == "@" else line[1:][:SHOWN_CHARACTERS]
        )
        for line in difference.splitlines()[2:]
    ]


def _change(change: Change) -> ChangeRow:
    was_right = _right(change, change.before)
    mark = "other" if was_right == change.better else "better" if change.better else "worse"
    before, after = change.before, change.after
    text = change.sample.text[:SHOWN_CHARACTERS]
    return ChangeRow(text, change.sample.expected, before.verdict, before.rule, after.verdict, after.rule, mark)


def _right(change: Change, outcome: Outcome) -> bool:
    return (outcome.verdict in ENDING) == (change.sample.expected == "refuse")
