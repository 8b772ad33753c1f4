"""hanlin policy: what a policy's detectors are worth, measured on labelled texts and on harmless ones."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hanlin.errors import BadFile, Misconfigured
from hanlin.policy import Policy
from hanlin.policy.classifier import Classifier, embedded
from hanlin.policy.classifier.embedded import CONTROLS, FILES, RECOMMENDED
from hanlin.policy.classifier.measured import read as read_card
from hanlin.policy.evaluation import Floats, Outcome, Rate, Roc, auc, auc_interval, outcome, rate, roc
from hanlin.policy.file import read as read_policy

Limits = tuple[float, float]
"""The thresholds `review` and `refuse`."""

MOST_ROWS = 1_000_000
_YES = {"1", "true", "yes"}
_NO = {"0", "false", "no"}
_PLOT_COLUMNS, _PLOT_ROWS = 56, 14
_SHOWN_FALSE_RATES = (0.001, 0.01, 0.05, 0.1, 0.2)
_TIMED_CHARACTERS = 200
_TIMED_RUNS = 300


class Point(Struct, frozen=True):
    """One point of a ROC curve: what is found from the threshold up."""

    threshold: float
    true_rate: float
    false_rate: float


class Curve(Struct, frozen=True):
    """A classifier on one labelled set."""

    source: str
    labelled_by: str
    texts: int
    auc: float
    auc_interval: tuple[float, float]
    points: list[Point]
    at_review: Outcome
    at_refuse: Outcome


class Found(Struct, frozen=True):
    """How many texts of a kind a detector finds."""

    source: str
    at_review: Rate
    at_refuse: Rate


class RuleFound(Struct, frozen=True):
    """How many texts of a kind one rule of the policy hits."""

    source: str
    rule: str
    found: Rate


class Evaluation(Struct, frozen=True):
    classifier: str
    version: str
    review: float
    refuse: float
    curves: list[Curve]
    harmless: list[Found]
    rules: list[RuleFound]
    microseconds: float
    """Of one verdict over 200 characters: the median."""


class Texts(Struct, frozen=True):
    source: str
    texts: list[str]


class Labelled(Struct, frozen=True):
    source: str
    texts: list[str]
    labels: NDArray[np.bool_]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("policy", help="policies: measure what their detectors are worth")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    text = "print the ROC curve, rates with 95 %% intervals, false alarms on harmless texts, and the time of a verdict"
    evaluating = actions.add_parser("evaluate", help=text, description=text)
    evaluating.add_argument("policy", nargs="?", type=Path, metavar="POLICY.toml", help="its thresholds and its rules")
    evaluating.add_argument(
        "--data", type=Path, metavar="FILE.csv", help="labelled texts, instead of those on the card"
    )
    evaluating.add_argument("--text", default="text", metavar="COLUMN", help="of --data; default: text")
    evaluating.add_argument("--label", default="label", metavar="COLUMN", help="of --data, 1 or 0; default: label")
    evaluating.add_argument("--classifier", choices=sorted(FILES), default="offence", help="default: offence")
    evaluating.add_argument("--json", action="store_true", help="as JSON")
    evaluating.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    policy = Policy.from_file(read_policy(args.policy)) if args.policy else None
    data = _labelled(args.data, args.text, args.label) if args.data else None
    evaluation = _measure(embedded(args.classifier), policy, data)
    if args.json:
        print(json.dumps(_finite(to_builtins(evaluation)), ensure_ascii=False, indent=2))
    else:
        _print(evaluation)
    return 0


def _measure(classifier: Classifier, policy: Policy | None, data: Labelled | None) -> Evaluation:
    limits = _thresholds(policy, classifier.name)
    controls = [Texts(name, texts) for name, texts in tomllib.loads(CONTROLS.read_text("utf-8")).items()]
    if data is None:
        curves, parts = _from_card(classifier, limits)
    else:
        curves, parts = [_curve(data.source, "", _totals(classifier, data.texts), data.labels, limits)], []
    return Evaluation(
        classifier=classifier.name,
        version=classifier.version,
        review=limits[0],
        refuse=limits[1],
        curves=curves,
        harmless=[*parts, *(_found(kind.source, _totals(classifier, kind.texts), limits) for kind in controls)],
        rules=_rules(policy, [*(_kinds(data) if data else []), *controls]) if policy else [],
        microseconds=_microseconds(classifier),
    )


def _thresholds(policy: Policy | None, name: str) -> Limits:
    """The policy's for this classifier (its first rule), else the recommended ones."""
    rules = [rule for rule in policy.file.classifiers if rule.classifier == name] if policy else []
    return (rules[0].review, rules[0].refuse) if rules else RECOMMENDED[name]


def _labelled(path: Path, text: str, label: str) -> Labelled:
    """The texts and labels of a CSV file with a line of names. Raises BadFile with the line that is wrong."""
    texts: list[str] = []
    labels: list[bool] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := {text, label} - set(rows.fieldnames or []):
                raise BadFile(f"{path} has no column {min(missing)!r}.", action="Name them with --text and --label.")
            for row in rows:
                if (row[label] or "").lower() not in _YES | _NO or len(texts) == MOST_ROWS:
                    said = f"Expected a label 1 or 0, and at most {MOST_ROWS:,} rows"
                    raise BadFile(f"{path}, line {rows.line_num}: {said}.")
                texts.append(row[text] or "")
                labels.append(row[label].lower() in _YES)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} cannot be read: {error}.", action="It must be CSV in UTF-8.") from None
    if not any(labels) or all(labels):
        raise BadFile(f"{path} needs rows of both labels.")
    return Labelled(path.name, texts, np.array(labels))


def _from_card(classifier: Classifier, limits: Limits) -> tuple[list[Curve], list[Found]]:
    """Curves of the held-out sets, and rates of the kinds of harmless texts that people told apart."""
    card = read_card(classifier.name)
    if card.version != classifier.version:
        raise Misconfigured("The card of the classifier is of other weights.", action="Install the package again.")
    curves = [
        _curve(one.source, one.labelled_by, one.scores(), one.labels(), limits) for one in card.sets if not one.part
    ]
    return curves, [_found(f"{one.source}: {one.part}", one.scores(), limits) for one in card.sets if one.part]


def _totals(classifier: Classifier, texts: Iterable[str]) -> Floats:
    return np.array([sum(classifier.scores(text).values()) for text in texts])


def _curve(source: str, labelled_by: str, scores: Floats, labels: NDArray[np.bool_], limits: Limits) -> Curve:
    at_review, at_refuse = (outcome(scores, labels, limit) for limit in limits)
    return Curve(
        source=source,
        labelled_by=labelled_by,
        texts=len(scores),
        auc=auc(scores, labels),
        auc_interval=auc_interval(scores, labels),
        points=_points(roc(scores, labels)),
        at_review=at_review,
        at_refuse=at_refuse,
    )


def _points(curve: Roc) -> list[Point]:
    """About a hundred points: the last one of each step of the false rate, with finer steps where it is low."""
    steps = np.concatenate([np.geomspace(1e-4, 0.1, 40), np.linspace(0, 1, 60), _SHOWN_FALSE_RATES])
    chosen = np.unique(np.searchsorted(curve.false_rates, steps, side="right") - 1)
    columns = (curve.thresholds[chosen], curve.true_rates[chosen], curve.false_rates[chosen])
    return [Point(*map(float, values)) for values in zip(*columns, strict=True)]


def _found(source: str, scores: Floats, limits: Limits) -> Found:
    return Found(source, *(rate(int((scores >= limit).sum()), len(scores)) for limit in limits))


def _kinds(data: Labelled) -> list[Texts]:
    pairs = list(zip(data.texts, data.labels.tolist(), strict=True))
    kinds = ((1, [text for text, label in pairs if label]), (0, [text for text, label in pairs if not label]))
    return [Texts(f"{data.source}: label {label}", texts) for label, texts in kinds]


def _rules(policy: Policy, kinds: Iterable[Texts]) -> list[RuleFound]:
    """For each kind of text, every rule of the policy that hits one of them, and all of them together."""
    rows = []
    for kind in kinds:
        hit = [{hit.rule for hit in policy.judge(text, "input").hits} for text in kind.texts]
        names = sorted(set().union(*hit))
        rows.append(RuleFound(kind.source, "any rule", rate(sum(map(bool, hit)), len(hit))))
        rows += [RuleFound(kind.source, name, rate(sum(name in one for one in hit), len(hit))) for name in names]
    return rows


def _microseconds(classifier: Classifier) -> float:
    """The median time of a verdict over a text of 200 Chinese characters in seven sentences."""
    sentence = "这是一段用来测量时间的普通文字，里面没有不该说的话，一共有二十九个字。"
    text = (sentence * 7)[:_TIMED_CHARACTERS]
    times = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter_ns()
        classifier.scores(text)
        times.append(time.perf_counter_ns() - start)
    return float(np.median(times)) / 1000


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: null in their place."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(evaluation: Evaluation) -> None:
    console = Console(highlight=False, markup=False, emoji=False, file=sys.stdout)
    name = f"{evaluation.classifier}@{evaluation.version}"
    limits = f"review from {evaluation.review:g}, refuse from {evaluation.refuse:g}"
    console.print(f"{name}: {limits}; {evaluation.microseconds:,.0f} µs for 200 characters")
    for curve in evaluation.curves:
        low, high = curve.auc_interval
        by = f", labelled {curve.labelled_by}" if curve.labelled_by else ""
        console.print(
            f"\n{curve.source}: {curve.texts:,} texts{by}\nAUC {curve.auc:.4f} (95 % {low:.4f} to {high:.4f})"
        )
        for row in plot(curve.points):
            console.print(row)
        console.print(_operating_points(curve))
        console.print(_outcomes(curve, evaluation))
    console.print("\nHarmless texts that are found")
    rows = [(one.source, _shown(one.at_review), _shown(one.at_refuse)) for one in evaluation.harmless]
    console.print(_table(("texts", "from review", "from refuse"), rows))
    if evaluation.rules:
        console.print("\nTexts that rules of the policy hit")
        console.print(
            _table(("texts", "rule", "hit"), [(one.source, one.rule, _shown(one.found)) for one in evaluation.rules])
        )


def plot(points: list[Point]) -> list[str]:
    """The curve in characters: false rate to the right, true rate upwards."""
    grid = [[" "] * (_PLOT_COLUMNS + 1) for _ in range(_PLOT_ROWS + 1)]
    false_rates, true_rates = [point.false_rate for point in points], [point.true_rate for point in points]
    for column in range(_PLOT_COLUMNS + 1):
        place = column / _PLOT_COLUMNS
        grid[round(_PLOT_ROWS * place)][column] = "·"
        grid[round(_PLOT_ROWS * float(np.interp(place, false_rates, true_rates)))][column] = "•"
    rows = [
        f"{'1.0' if index == _PLOT_ROWS else '0.0' if not index else '':>4} │{''.join(grid[index])}"
        for index in range(_PLOT_ROWS, -1, -1)
    ]
    return [
        *(row.rstrip() for row in rows),
        f"     └{'─' * (_PLOT_COLUMNS + 1)}",
        f"{'0 % false':>14}{'100 %':>{_PLOT_COLUMNS - 7}}",
    ]


def _operating_points(curve: Curve) -> Table:
    rows = []
    for wanted in _SHOWN_FALSE_RATES:
        point = max((one for one in curve.points if one.false_rate <= wanted), key=lambda one: one.false_rate)
        if math.isfinite(point.threshold):
            rows.append((f"{point.threshold:.3f}", f"{point.true_rate:.1%}", f"{point.false_rate:.2%}"))
    return _table(("from score", "found", "false"), list(dict.fromkeys(rows)))


def _outcomes(curve: Curve, evaluation: Evaluation) -> Table:
    rows = [
        (f"{name} {limit:g}", *map(_shown, (one.accuracy, one.precision, one.recall, one.false_rate)))
        for name, limit, one in (
            ("review", evaluation.review, curve.at_review),
            ("refuse", evaluation.refuse, curve.at_refuse),
        )
    ]
    return _table(("from", "accuracy", "precision", "recall", "false"), rows)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def _shown(found: Rate) -> str:
    return f"{found.value:.1%} ({found.low:.1%}-{found.high:.1%})" if found.of else "-"
