from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import Misconfigured
from hanlin.policy.file import Term, read

HEAD = 'name = "house"\n[refusal]\nzh = "抱歉"\nen = "Sorry"\n'
RULE = '[[rules]]\nname = "r"\ncategory = "A.1.h"\nreason = "R."\nterms = ["一二三"]\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "house.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "oops\nmore", r"is not valid TOML: Expected '=' .*line 5"),
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
        (HEAD + RULE + 'action = "pseudonymise"', r"rule at line 5: .*pseudonymise"),
        (HEAD + RULE + 'action = "replace"', r"rule at line 5: Expected an `answer`"),
        (
            HEAD + RULE + 'action = "steer"\ninstruction = "Be kind."',
            r"rule at line 5: Expected an `instruction` and `where",
        ),
        (HEAD + RULE.replace('["一二三"]', "[]"), r"rule at line 5: Expected at least one term"),
        (HEAD + RULE.replace("A.1.h", "A.1.i"), r"rule at line 5: Expected one of the 31 risks .* got 'A\.1\.i'"),
        (HEAD + RULE.replace("A.1.h", "B"), r"rule at line 5: .*category"),
        (HEAD + RULE + 'words = ["../secret.csv"]', r"names the words file '\.\./secret\.csv'"),
        (HEAD + '[[personal]]\nname = "p"\nkinds = ["shoe_size"]', r"rule at line 5: .*shoe_size"),
        (HEAD + '[[personal]]\nname = "p"\nkinds = ["name"]\ncategory = "A.5.c"', r"line 5: Expected one of the 31"),
        (
            HEAD + '[[personal]]\nname = "p"\nkinds = ["name"]\naction = "pseudonymise"',
            r"""line 5: Expected `where = \["input"\]`""",
        ),
        (
            HEAD + '[[classifiers]]\nname = "c"\nclassifier = "offence"\nreason = "R."\nreview = 0.9\nrefuse = 0.5',
            r"line 5: Expected `review` not above `refuse`",
        ),
        (HEAD + "[minors]\nfrom_hour = 22\nto_hour = 6", r"Expected `from_hour` before `to_hour`"),
        ("a = " + "[" * 5000, r"TOML|deep"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        read(write(tmp_path, text))
    assert "house.toml" in caught.value.message
    assert caught.value.action


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"absent\.csv cannot be read"):
        read(write(tmp_path, HEAD + RULE + 'words = ["absent.csv"]'))
    with pytest.raises(Misconfigured, match=r"absent\.toml cannot be read"):
        read(tmp_path / "absent.toml")


def test_the_version_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    version = read(write(tmp_path, HEAD + RULE)).version()
    assert read(write(tmp_path, "# a comment\n" + HEAD + "\n\n" + RULE)).version() == version
    assert read(write(tmp_path, HEAD + RULE.replace("一二三", "一二四"))).version() != version
    assert len(version) == 12


def test_terms_come_from_csv_files_beside_the_policy(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    words = "term,weight,variants,source,reason\n一二三四,0.7,pinyin split,刑法第1条,why\n五六七,,,编者,\n"
    (tmp_path / "words" / "a.csv").write_text(words, encoding="utf-8")
    (rule,) = read(write(tmp_path, HEAD + RULE + 'words = ["words/a.csv"]')).rules
    assert rule.words == ()
    assert rule.terms == (
        "一二三",
        Term("一二三四", 0.7, ("pinyin", "split"), "刑法第1条", "why"),
        Term("五六七", source="编者"),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("term,weight\n一二三四,heavy\n", r"a\.csv, line 2: .*float"),
        ("word\n一二三四\n", r"a\.csv, line 2: .*word"),
        ("term\n一二三四\n一,二,三\n", r"a\.csv, line 3"),
        ("term,variants\n一二三四,rot13\n", r"a\.csv, line 2: .*rot13"),
    ],
)
def test_a_wrong_line_of_a_csv_file_is_named(tmp_path: Path, words: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(words, encoding="utf-8")
    with pytest.raises(Misconfigured, match=message):
        read(write(tmp_path, HEAD + RULE + 'words = ["a.csv"]'))
