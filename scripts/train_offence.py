"""Train the shipped classifier `offence`: `python scripts/train_offence.py COLD_FOLDER`, ten seconds on one core.

COLD_FOLDER holds `cold_train.csv` and `cold_dev.csv` of COLD (Deng and others, EMNLP 2022; Apache-2.0) and, if it
shall be measured too, `cold_test.csv`, which people labelled. Written are `offence.weights` and `offence.measured.json`
(counts of scores of the held-out texts, none of the texts) beside the classifier's code, and the figures of its model
card are printed. Fixed seed: the same data give the same bytes.

The verdict is a logistic regression over counts of hashed characters and pairs, each feature scaled by its naive Bayes
log-count ratio (Wang and Manning, ACL 2012), trained by L-BFGS on 80 % of the training rows. Calibration (Platt 1999)
and thresholds come from the other 20 %. Two things are told to the model beyond COLD: sentences against
discrimination and ordinary ones (`offence_sentences.toml`), which COLD has few of.
"""

from __future__ import annotations

import csv
import sys
import tomllib
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hanlin.policy.classifier.grams import grams
from hanlin.policy.classifier.linear import Header, Linear, decode, encode
from hanlin.policy.classifier.measured import Card, Measured, count
from hanlin.policy.classifier.windows import Windows
from hanlin.policy.evaluation import auc, wilson
from hanlin.policy.fold import fold

Floats = NDArray[np.float64]
Step = tuple[Floats, Floats]

TARGET = Path(__file__).parents[1] / "hanlin" / "policy" / "classifier"
SEED = 20260
CALIBRATION_SHARE = 0.2
BITS = 18
GROUND_BITS = 15
L2 = 0.3
SMOOTHING = 1.0
LEAST_SCALE = 0.1
"""Of a feature's log-count ratio, so that rare and even features may still learn."""
ITERATIONS = 60
OWN_WEIGHT = 3.0
"""Of a row written here against one of COLD: they are few."""
TOPICS = {"race": "A.2.a", "region": "A.2.d", "gender": "A.2.e"}
PRECISIONS = (0.8, 0.95)
"""Thresholds with these are printed, as measured on the calibration rows."""
HELD_OUT = {
    "cold_dev.csv": ("COLD dev", "semi-automatically, as the training data"),
    "cold_test.csv": ("COLD test", "by people"),
}
FINE = "fine-grained-label"
PARTS = {"0": "other", "3": "against discrimination"}
"""Kinds of texts that do not offend, in the test set."""

SENTENCES = Path(__file__).with_name("offence_sentences.toml")


class Rows:
    """Texts as buckets: counts of each row's features over the square root of their number."""

    def __init__(self, texts: Sequence[str], bits: int) -> None:
        features = [grams(fold(text) or " ", bits).astype(np.int64) for text in texts]
        lengths = np.array([len(row) for row in features])
        self.buckets = np.concatenate(features)
        self.dimensions = 1 << bits
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._row = np.repeat(np.arange(len(texts)), lengths)
        self._scale = 1 / np.sqrt(lengths)

    def times(self, weights: Floats) -> Floats:
        return np.add.reduceat(weights[self.buckets], self._starts) * self._scale

    def transposed_times(self, values: Floats) -> Floats:
        return np.bincount(self.buckets, weights=(values * self._scale)[self._row], minlength=self.dimensions)

    def counts(self, chosen: NDArray[np.bool_]) -> Floats:
        return np.bincount(self.buckets, weights=chosen[self._row].astype(float), minlength=self.dimensions)


def main() -> None:
    folder = Path(sys.argv[1])
    texts, labels, topics = cold(folder / "cold_train.csv")
    order = np.random.default_rng(SEED).permutation(len(texts))
    calibrating = order[: int(CALIBRATION_SHARE * len(texts))]
    training = order[len(calibrating) :]
    classifier, header, weights = train([texts[i] for i in training], labels[training], topics[training])
    held = [texts[i] for i in calibrating]
    slope, intercept = platt(np.array([greatest_logit(classifier, text) for text in held]), labels[calibrating])
    header = replace(header, slope=header.slope * slope, intercept=header.intercept * slope + intercept)
    file = encode(header, *weights)
    (TARGET / "offence.weights").write_bytes(file)
    print(f"weights: {len(file):,} bytes")
    classifier = decode(file)
    scores = totals(classifier, held)
    for precision in PRECISIONS:
        report(threshold(scores, labels[calibrating], precision), scores, labels[calibrating])
    sets = [set_ for name in HELD_OUT for set_ in measure(classifier, folder / name)]
    card = msgspec.json.format(msgspec.json.encode(Card(classifier.version, tuple(sets))), indent=0)
    (TARGET / "offence.measured.json").write_bytes(card + b"\n")


def cold(path: Path) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Texts, labels (1 = offensive) and topics (in the order of `TOPICS`)."""
    rows = table(path)
    names = list(TOPICS)
    labels = np.array([int(row["label"]) for row in rows])
    return [row["TEXT"] for row in rows], labels, np.array([names.index(row["topic"]) for row in rows])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def own_sentences() -> list[str]:
    lists = tomllib.loads(SENTENCES.read_text("utf-8"))
    patterns = (*product(lists["of_groups"], lists["groups"]), *product(lists["of_subjects"], lists["subjects"]))
    return [*(pattern.format(word) for pattern, word in patterns), *lists["literal"], *lists["plain"]]


def train(
    texts: list[str], labels: NDArray[np.int64], topics: NDArray[np.int64]
) -> tuple[Linear, Header, tuple[NDArray[np.int8], NDArray[np.int8]]]:
    own = own_sentences()
    rows = Rows([*texts, *own], BITS)
    targets = np.concatenate([labels, np.zeros(len(own))])
    importance = np.concatenate([np.ones(len(texts)), np.full(len(own), OWN_WEIGHT)])
    verdict, intercept = fit(rows, targets, importance)
    # One more set of weights for each ground, against the others: which ground a text is about, offensive or not.
    by_ground = [
        fit(Rows(texts, GROUND_BITS), (topics == ground).astype(float), np.ones(len(texts)))
        for ground in range(len(TOPICS))
    ]
    small, step = quantised(verdict)
    grounds, ground_step = quantised(np.stack([weights for weights, _ in by_ground], axis=1))
    header = Header(
        name="offence",
        categories=tuple(TOPICS.values()),
        bits=BITS,
        ground_bits=GROUND_BITS,
        slope=step,
        intercept=intercept,
        ground_slope=ground_step,
        ground_intercepts=tuple(bias for _, bias in by_ground),
    )
    return Linear(header, small, grounds), header, (small, grounds)


def fit(rows: Rows, targets: Floats, importance: Floats) -> tuple[Floats, float]:
    """Weights and intercept of an L2-regularised logistic regression on features scaled by log-count ratios."""
    offensive, other = rows.counts(targets > 0), rows.counts(targets == 0)
    scale = np.abs(np.log((offensive + SMOOTHING) / (other + SMOOTHING))) + LEAST_SCALE

    def loss(point: Floats) -> tuple[float, Floats]:
        logits = rows.times(point[:-1] * scale) + point[-1]
        errors = importance * (1 / (1 + np.exp(-logits)) - targets)
        value = (importance * (np.logaddexp(0, logits) - targets * logits)).sum() + L2 / 2 * inner(
            point[:-1], point[:-1]
        )
        return float(value), np.append(rows.transposed_times(errors) * scale + L2 * point[:-1], errors.sum())

    point = minimise(loss, np.zeros(rows.dimensions + 1))
    return point[:-1] * scale, float(point[-1])


def minimise(loss: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """L-BFGS with eight remembered steps and a backtracking line search (Nocedal and Wright, chapter 7)."""
    steps: list[Step] = []
    value, gradient = loss(point)
    for _ in range(ITERATIONS):
        direction = descent(gradient, steps)
        length = 1.0
        while True:
            moved = length * direction
            new_value, new_gradient = loss(point + moved)
            if new_value <= value + 1e-4 * inner(gradient, moved) or length < 1e-6:
                break
            length /= 2
        if inner(moved, new_gradient - gradient) > 1e-12:
            steps = [*steps[-7:], (moved, new_gradient - gradient)]
        point, gradient = point + moved, new_gradient
        if abs(value - new_value) < 1e-7 * abs(value):
            break
        value = new_value
    return point


def descent(gradient: Floats, steps: Sequence[Step]) -> Floats:
    """The two-loop recursion."""
    direction = gradient.copy()
    kept = []
    for moved, changed in reversed(steps):
        share = inner(moved, direction) / inner(moved, changed)
        kept.append(share)
        direction -= share * changed
    if steps:
        moved, changed = steps[-1]
        direction *= inner(moved, changed) / inner(changed, changed)
    else:
        direction /= max(1.0, inner(gradient, gradient) ** 0.5)
    for (moved, changed), share in zip(steps, reversed(kept), strict=True):
        direction += moved * (share - inner(changed, direction) / inner(moved, changed))
    return -direction


def inner(left: Floats, right: Floats) -> float:
    """Not by BLAS, whose order of adding depends on the number of threads."""
    return float((left * right).sum())


def quantised(weights: Floats) -> tuple[NDArray[np.int8], float]:
    """Whole numbers of a step from -127 to 127, and the step: the largest 0.01 % are cut to make it finer."""
    step = float(np.quantile(np.abs(weights), 0.9999)) / 127
    return np.clip(np.rint(weights / step), -127, 127).astype(np.int8), step


def greatest_logit(classifier: Linear, text: str) -> float:
    folded, windows = Windows().take(text, last=True)
    return float(classifier.logits(folded, windows).max()) if windows else 0.0


def platt(logits: Floats, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and intercept that make logits probabilities, with Platt's smoothed targets, by Newton's method."""
    positive = int(labels.sum())
    targets = np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (len(labels) - positive + 2))
    features = np.stack([logits, np.ones(len(logits))], axis=1)
    point = np.array([1.0, 0.0])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-(features * point).sum(axis=1)))
        weights = (chances * (1 - chances))[:, None, None]
        curvature = (features[:, :, None] * features[:, None, :] * weights).sum(axis=0)
        point -= np.linalg.solve(curvature, (features * (chances - targets)[:, None]).sum(axis=0))
    return float(point[0]), float(point[1])


def threshold(scores: Floats, labels: NDArray[np.int64], precision: float) -> float:
    """The lowest score from which up the precision holds, of at least 100 texts; to two decimals, upwards."""
    order = np.argsort(-scores)
    precisions = np.cumsum(labels[order]) / np.arange(1, len(labels) + 1)
    enough = np.flatnonzero((precisions >= precision) & (np.arange(len(labels)) >= 100))
    return float(np.ceil(scores[order][enough[-1]] * 100) / 100)


def report(limit: float, scores: Floats, labels: NDArray[np.int64]) -> None:
    chosen = scores >= limit
    true, offensive = int(labels[chosen].sum()), int(labels.sum())
    print(f"from {limit:.2f}: precision {shown(true, int(chosen.sum()))}, recall {shown(true, offensive)}")


def shown(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count / of:.3f} ({low:.3f}-{high:.3f}, {count}/{of})"


def totals(classifier: Linear, texts: Sequence[str]) -> Floats:
    return np.array([sum(classifier.scores(text).values()) for text in texts])


def measure(classifier: Linear, path: Path) -> list[Measured]:
    """The whole set, and the parts that people told apart; nothing of a file that is not there."""
    if not path.exists():
        return []
    texts, labels, topics = cold(path)
    scores = totals(classifier, texts)
    guessed = [int(np.argmax(list(classifier.scores(text).values()))) for text in texts]
    print(
        f"{path.name}: AUC {auc(scores, labels == 1):.4f}, ground {shown(int((guessed == topics).sum()), len(texts))}"
    )
    fine = np.array([row.get(FINE, "") for row in table(path)])
    source, by = HELD_OUT[path.name]
    whole = Measured(source, by, count(scores[labels == 1]), count(scores[labels == 0]))
    return [
        whole,
        *(Measured(source, by, [], count(scores[fine == key]), part) for key, part in PARTS.items() if key in fine),
    ]


if __name__ == "__main__":
    main()
