"""Glossaries as files of several forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.assistants.translate import term_files
from hanlin.errors import BadFile
from tests.assistants.translate.conftest import SHARED


@pytest.mark.parametrize(
    ("content", "terms"),
    [
        ("source,target\nfever,发热\n", [("fever", "发热")]),
        ("fever\t发热\ncough\t咳嗽\n", [("fever", "发热"), ("cough", "咳嗽")]),
        ("\ufefftarget;source\r\n发热;fever\r\n", [("fever", "发热")]),
        ("id,sourceLang,targetLang,sourceString,targetString\n1,en,zh_CN,flu,流感\n", [("flu", "流感")]),
        ("原文,译文\n发热,fever\n", [("发热", "fever")]),
        ("source,target\nfever,发热\nFever,发烧\n,\n", [("Fever", "发烧")]),
    ],
)
def test_tables_of_several_forms_are_read(tmp_path: Path, content: str, terms: list[tuple[str, str]]) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8", newline="")
    found = term_files.read(str(tmp_path / "a.csv"), "a.csv", "en", "zh")
    assert [(term.source, term.target) for term in found] == terms


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", ""), ("a.csv", "id,pos\n1,2\n"), ("a.tbx", "<a>"), ("a.tbx", "<a/>")]
)
def test_what_is_no_glossary_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadFile):
        term_files.read(str(tmp_path / name), name, "en", "zh")


@pytest.mark.parametrize("language", ["zh_CN", "id_ID", "ms_MY", "vi_VN", "th_TH"])
def test_the_glossaries_of_tico_19_are_read_whole(language: str) -> None:
    file = SHARED / "translation" / f"tico19_terms_f_en-{language}.csv"
    if not file.exists():
        pytest.skip("shared/data/translation absent")
    assert len(term_files.read(str(file), file.name, "en", language[:2])) >= 290
