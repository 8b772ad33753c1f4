"""Which language a text is in."""

from __future__ import annotations

import pytest

from hanlin.assistants.translate.languages import detect, language, to_script
from hanlin.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我们明天上午在办公室见面。", "zh"),
        ("這個國家的電話簿", "zh-Hant"),
        ("We meet in the office tomorrow.", "en"),
        ("Chúng ta gặp nhau ở văn phòng ngày mai.", "vi"),
        ("Perusahaan itu mengatakan bahwa kantor tutup pada hari Senin karena hujan.", "id"),
        ("Syarikat itu mengatakan bahawa pejabat tutup pada hari Isnin kerana hujan.", "ms"),
        ("เราจะพบกันที่สำนักงานพรุ่งนี้", "th"),
        ("明日オフィスで会いましょう。", "ja"),
        ("내일 사무실에서 만나요.", "ko"),
        ("Мы встретимся завтра в офисе.", "ru"),
        ("Ми зустрінемося завтра в офісі, і це добре.", "uk"),
        ("سنلتقي غدا في المكتب.", "ar"),
        ("Wir treffen uns morgen im Büro und besprechen alles.", "de"),
        ("WHO 警告 COVID-19 已成为全球公共卫生问题。", "zh"),
    ],
)
def test_a_sentence_is_told(text: str, code: str) -> None:
    assert detect(text).code == code


@pytest.mark.parametrize("text", ["", "12345", "… — !"])
def test_what_has_no_letters_has_no_language(text: str) -> None:
    assert (detect(text).code, detect(text).share) == ("", 0)


def test_few_letters_are_not_sure() -> None:
    assert detect("OK").share < 0.6


@pytest.mark.parametrize(
    ("written", "code"), [("zh-CN", "zh"), ("ZH_tw", "zh-Hant"), ("th_TH", "th"), ("EN", "en"), ("fil", "tl")]
)
def test_other_spellings_of_a_code_are_known(written: str, code: str) -> None:
    assert language(written, "target").code == code


def test_an_unknown_code_is_refused_by_its_parameter() -> None:
    with pytest.raises(BadRequest) as refused:
        language("klingon", "source")
    assert (refused.value.code, refused.value.param) == ("unknown_language", "source")


def test_chinese_comes_in_the_characters_that_were_asked_for() -> None:
    assert to_script("電話 abc", "zh") == "电话 abc"
    assert to_script("电话", "zh-Hant") == "電話"
    assert to_script("電話", "ja") == "電話"
