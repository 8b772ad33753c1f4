"""Markers are counted, peeled off, mended and never lost; what stays the same in every language is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.pieces import cut, lines
from hanlin.assistants.translate.prompts import answered
from hanlin.assistants.translate.shield import KEEP, is_all, lost


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<g1> <x2/>hello <g2>b</g2> </g1>", ("<g1> <x2/>", "hello <g2>b</g2>", " </g1>")),
        ("<g1>a</g1> and <g2>b</g2>", ("", "<g1>a</g1> and <g2>b</g2>", "")),
        ("plain", ("", "plain", "")),
    ],
)
def test_what_stands_around_the_words_is_peeled_off(text: str, parts: tuple[str, str, str]) -> None:
    assert markup.peeled(text) == parts
    assert "".join(parts) == text


def test_worn_markers_are_mended() -> None:
    assert markup.mended("＜g1＞a< / G1 > <x2> <k3/> < 5") == "<g1>a</g1> <x2/> <k3/> < 5"


@pytest.mark.parametrize(
    ("target", "intact"),
    [
        ("<g1>甲</g1><x1/>", True),
        ("<x1/><g1>甲</g1>", True),
        ("<g1>甲<x1/>", False),
        ("</g1>甲<g1><x1/>", False),
        ("<g1>甲</g1><x1/><x1/>", False),
    ],
)
def test_markers_are_intact_when_each_stands_once_and_pairs_nest(target: str, intact: bool) -> None:
    assert markup.intact("<g1>a</g1> b<x1/>", target) is intact


def test_lost_markers_come_back_around_the_same_words_or_at_the_end() -> None:
    source = "see <g1>Foo 7</g1> and <g2>the bar</g2><x1/>"
    assert markup.replaced(source, "查看 Foo 7 和<g2>条") == "查看 <g1>Foo 7</g1> 和条<g2></g2><x1/>"


@given(st.lists(st.sampled_from(["<g1>", "</g1>", "<x1/>", "<g2>", "</g2>", "word ", "字", "<"]), max_size=12))
def test_whatever_a_model_does_to_markers_all_of_the_source_s_stand_in_the_target(pieces: list[str]) -> None:
    source = "a <g1>b <x1/> c</g1> d <g2>e</g2>"
    assert markup.intact(source, markup.replaced(source, "".join(pieces)))


@given(st.text(alphabet="ab .。!？<g1>/x\n", max_size=80))
def test_a_cut_text_is_whole_when_joined(text: str) -> None:
    assert "".join(cut(text, 1)) == text
    assert "".join(line + end for line, end in lines(text)) == text


def test_a_pair_of_markers_is_not_cut_open() -> None:
    assert cut("One. <g1>Two. Three.</g1> Four.", 1) == ["One. ", "<g1>Two. Three.</g1> Four."]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("see https://a.org/b?c=1, ok", ["https://a.org/b?c=1"]),
        ("访问https://a.org/b。谢谢", ["https://a.org/b"]),
        ("mail a.b@c.co.id now", ["a.b@c.co.id"]),
        ("{0} of %s, %1$d, ${name}, {{x}}", ["{0}", "%s", "%1$d", "${name}", "{{x}}"]),
        ("100% sure and 50 % off", []),
        ("a <b>bold</b> word", ["<b>", "</b>"]),
    ],
)
def test_addresses_and_placeholders_are_kept(text: str, kept: list[str]) -> None:
    assert KEEP.findall(text) == kept


def test_a_text_of_nothing_but_what_is_kept_needs_no_translation() -> None:
    assert is_all("https://a.org/b 123 <x1/>")
    assert not is_all("see https://a.org/b")
    assert lost("a {0}", "甲 {0} {0}")


@pytest.mark.parametrize(
    ("answer", "source", "text"),
    [
        ("Translation: 你好", "Hello", "你好"),
        ("```\n你好\n```", "Hello", "你好"),
        ("“你好”", "Hello", "你好"),
        ("“你好”", '"Hello"', "“你好”"),
        ("你好\n\nNote: this is polite.", "Hello", "你好"),
        ("</tool_response>你好", "Hello", "你好"),
        ("[工具带来的数据。]\n你好\n[数据结束]", "Hello", "你好"),
        ("[请看附件说明]", "[see the attachment]", "[请看附件说明]"),
        ("第一\n第二", "one\ntwo", "第一\n第二"),
        ("Translation: 文", "Translation: text", "Translation: 文"),
    ],
)
def test_what_models_put_around_a_translation_goes(answer: str, source: str, text: str) -> None:
    assert answered(answer, source) == text
