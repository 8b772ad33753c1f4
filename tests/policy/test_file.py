from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import Misconfigured
from hanlin.policy.file import SHIPPED, read

HEAD = 'name = "house"\n[refusal]\nzh = "抱歉"\nen = "Sorry"\n'
RULE = '[[rules]]\nname = "r"\ncategory = "A.1.h"\nreason = "R."\nterms = ["一二三"]\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "house.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "oops\nmore", r"cannot be read: Expected '=' .*line 5"),
        ('name = "house"', r"missing required field `refusal`"),
        (HEAD + "[limits]\nmax_input_characters = 'many'", r"Expected `int`, got `str` - at `\$\.limits\.max_input"),
        (HEAD + "[limits]\nmax_input_characters = 0", r"Expected `int` >= 1"),
        (HEAD + RULE + "colour = 1", r"rule at line 5: .*unknown field `colour`"),
        (HEAD + RULE + RULE, r"rule at line 10: Expected a rule name used once, got 'r' again"),
        (
            HEAD + RULE.replace("一二三", "一 *"),
            r"rule at line 5: Expected terms of at least 2 letters or digits, got '一",
        ),
        (
            HEAD + RULE + 'exceptions = ["四五"]',
            r"Expected exceptions that are longer than a term and hold it, got '四五'",
        ),
        (HEAD + RULE + 'exceptions = ["一二三"]', r"longer than a term"),
        (HEAD + RULE + 'where = ["nowhere"]', r"rule at line 5: .*nowhere"),
        (HEAD + RULE + 'action = "mask"', r"rule at line 5: .*mask"),
        (HEAD + RULE.replace('["一二三"]', "[]"), r"rule at line 5: .*length >= 1"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        read(write(tmp_path, text))
    assert "house.toml" in caught.value.message
    assert caught.value.action


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"absent\.toml cannot be read"):
        read(tmp_path / "absent.toml")


def test_the_version_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    version = read(write(tmp_path, HEAD + RULE)).version()
    assert read(write(tmp_path, "# a comment\n" + HEAD + "\n\n" + RULE)).version() == version
    assert read(write(tmp_path, HEAD + RULE.replace("一二三", "一二四"))).version() != version
    assert len(version) == 12


def test_the_shipped_policy_is_small_and_gives_every_rule_a_reason() -> None:
    shipped = read(SHIPPED)
    assert shipped.name == "default"
    assert 20 <= sum(len(rule.terms) for rule in shipped.rules) <= 45
    assert all(rule.reason.endswith(".") for rule in shipped.rules)
