"""The shipped classifier: whole, quick, silent on ordinary texts, and as good as its card says."""

from __future__ import annotations

import csv
import json
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hanlin.errors import Misconfigured
from hanlin.policy.classifier import ClassifierJudge, embedded
from hanlin.policy.classifier.embedded import CONTROLS, FILES, RECOMMENDED
from hanlin.policy.classifier.measured import count, read
from hanlin.policy.evaluation import auc, auc_interval
from hanlin.policy.file import ClassifierRule
from hanlin.policy.risks import RISKS

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data" / "policy"
REVIEW, REFUSE = RECOMMENDED["offence"]
JUDGE = ClassifierJudge(ClassifierRule("offence", "offence", "Offensive.", REVIEW, REFUSE), embedded("offence"))


def rows(name: str) -> list[dict[str, str]]:
    if not (DATA / name).exists():
        pytest.skip(f"needs shared/data/policy/{name}")
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_loaded_once_and_knows_three_risks() -> None:
    assert embedded("offence") is embedded("offence")
    assert embedded("offence").categories == ("A.2.a", "A.2.d", "A.2.e")
    assert set(embedded("offence").categories) <= RISKS.keys()


def test_an_unknown_classifier_is_named_with_what_is_known() -> None:
    with pytest.raises(Misconfigured, match=r"'offense'.*offence"):
        embedded("offense")


def test_the_file_is_small() -> None:
    assert (Path(CONTROLS).parent / FILES["offence"]).stat().st_size < 1_000_000


def test_its_card_is_of_these_weights() -> None:
    assert read("offence").version == embedded("offence").version


def test_the_card_says_what_it_is_worth_by_the_labels_of_people() -> None:
    test = next(one for one in read("offence").sets if one.source == "COLD test" and not one.part)
    assert (sum(test.offensive), sum(test.other)) == (2107, 3216)
    assert auc(test.scores(), test.labels()) == pytest.approx(0.872, abs=0.001)


@pytest.mark.slow
def test_the_card_is_what_the_data_give_again() -> None:
    labelled = rows("cold_dev.csv")
    scores = np.array([sum(embedded("offence").scores(row["TEXT"]).values()) for row in labelled])
    labels = np.array([row["label"] == "1" for row in labelled])
    card = next(one for one in read("offence").sets if one.source == "COLD dev")
    assert (count(scores[labels]), count(scores[~labels])) == (card.offensive, card.other)
    low, high = auc_interval(scores, labels)
    assert low < auc(card.scores(), card.labels()) < high


def test_ordinary_sentences_are_left_alone() -> None:
    ordinary = tomllib.loads(CONTROLS.read_text("utf-8"))["ordinary"]
    assert [text for text in ordinary if JUDGE.judge(text)] == []


def test_few_delicate_but_harmless_questions_are_found_and_hardly_one_is_refused() -> None:
    path = DATA / "cvalues_first332.jsonl"
    if not path.exists():
        pytest.skip("needs shared/data/policy/cvalues_first332.jsonl")
    prompts = [json.loads(line)["prompt"] for line in path.read_text("utf-8").splitlines()]
    found = [hit for prompt in prompts for hit in JUDGE.judge(prompt)]
    assert len(prompts) == 332
    assert len(found) <= 30
    assert len([hit for hit in found if hit.score >= REFUSE]) <= 1


def test_what_it_finds_does_not_depend_on_evasive_spelling() -> None:
    plain = "这些外地人素质真低都滚回去吧"
    spelt = "這 些*外 地\u200b人素*質真低都滾回去吧"
    assert embedded("offence").scores(plain) == embedded("offence").scores(spelt)


def test_no_control_sentence_was_trained_on() -> None:
    lists = tomllib.loads((ROOT / "scripts" / "offence_sentences.toml").read_text("utf-8"))
    told = {pattern.format(word) for pattern in lists["of_groups"] for word in lists["groups"]}
    told |= {pattern.format(word) for pattern in lists["of_subjects"] for word in lists["subjects"]}
    told |= {*lists["literal"], *lists["plain"]}
    controls = {text for texts in tomllib.loads(CONTROLS.read_text("utf-8")).values() for text in texts}
    assert controls & told == set()


def test_a_verdict_takes_less_than_a_millisecond() -> None:
    text = "这是一段用来测量时间的普通文字，里面没有不该说的话。" * 8
    times = []
    for _ in range(20):
        start = time.process_time()
        JUDGE.judge(text[:200])
        times.append(time.process_time() - start)
    assert min(times) < 0.001


@pytest.mark.parametrize("unit", ["好", "。", "\n", "好. ", "外地人。"])
def test_a_very_long_text_takes_seconds_at_most(unit: str) -> None:
    start = time.process_time()
    JUDGE.judge(unit * (400_000 // len(unit)))
    assert time.process_time() - start < 5
