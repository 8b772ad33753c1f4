"""hanlin policy evaluate, as typed: a table for people, JSON for programs, errors that name the line."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import pytest

from hanlin.cli import policy
from hanlin.errors import BadFile
from hanlin.policy.classifier import embedded

POLICY = """
name = "house"
[refusal]
zh = "不行。"
en = "No."
[[rules]]
name = "hotpot"
category = "A.3.e"
reason = "Hotpot."
terms = ["四川火锅"]
[[classifiers]]
name = "offence"
classifier = "offence"
reason = "Offensive."
review = 0.25
refuse = 0.75
"""


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    policy.add(parser.add_subparsers())
    args = parser.parse_args(["policy", "evaluate", *words])
    return int(args.run(args))


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "mine.csv"
    lines = ["say,bad", *["外地人素质低都滚出去,1"] * 5, *["四川火锅真好吃,0"] * 4, "今天开会,0"]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return str(path)


def test_it_prints_the_curve_of_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"offence@{embedded('offence').version}: review from 0.5, refuse from 0.95; ")
    assert "COLD test: 5,323 texts, labelled by people\nAUC 0.8718 (95 % 0.8621 to 0.8809)\n" in shown
    assert "COLD test: against discrimination  58.8% (55.1%-62.5%)  23.5% (20.4%-26.9%)\n" in shown


def test_json_has_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["review"], said["refuse"]) == (0.5, 0.95)
    (by_people,) = [curve for curve in said["curves"] if curve["labelled_by"] == "by people"]
    assert by_people["auc"] == pytest.approx(0.8718, abs=1e-4)
    points = [(point["false_rate"], point["true_rate"]) for point in by_people["points"]]
    assert points == sorted(points)
    assert points[-1] == (1, 1)
    assert 0 < said["microseconds"] < 10_000


def test_a_policy_brings_its_thresholds_and_rules(
    tmp_path: Path, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "house.toml").write_text(POLICY, encoding="utf-8")
    assert run(str(tmp_path / "house.toml"), "--data", data, "--text", "say", "--label", "bad", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["review"], said["refuse"]) == (0.25, 0.75)
    (curve,) = said["curves"]
    assert (curve["source"], curve["texts"], curve["auc"]) == ("mine.csv", 10, 1.0)
    hits = {(one["source"], one["rule"]): (one["found"]["count"], one["found"]["of"]) for one in said["rules"]}
    assert hits["mine.csv: label 0", "hotpot"] == (4, 5)
    assert ("mine.csv: label 1", "hotpot") not in hits
    assert hits["mine.csv: label 1", "offence"] == (5, 5)
    assert hits["ordinary", "any rule"] == (0, 30)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("say,bad\na,1\nb,2\n", "line 3"),
        ("say,bad\na,1\nb\n", "line 3"),
        ("say,good\na,1\n", "no column 'bad'"),
        ("", "no column"),
        ("say,bad\na,1\n", "both labels"),
        ("say,bad\n" + "a" * 200_000 + ",1\n", "cannot be read"),
    ],
)
def test_data_that_cannot_be_used_are_refused_with_their_place(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFile, match=said) as error:
        run("--data", str(path), "--text", "say", "--label", "bad")
    assert "aaaa" not in str(error.value)


def test_the_plot_rises_from_the_lower_left_to_the_upper_right() -> None:
    rows = policy.plot([policy.Point(math.inf, 0, 0), policy.Point(0.5, 0.9, 0.1), policy.Point(0.1, 1, 1)])
    assert rows[0].rstrip().endswith("•")
    assert rows[-3].startswith(" 0.0 │•")
    assert max(map(len, rows)) < 80
