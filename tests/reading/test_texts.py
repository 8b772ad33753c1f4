"""HTML, books, Markdown, plain text, tables of values, subtitles, letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import BadFile
from hanlin.reading import Document, Limits, read, tables
from tests.reading.samples import DOCUMENTS, LETTER, epub


def read_bytes(tmp_path: Path, data: bytes, name: str = "file") -> Document:
    file = tmp_path / name
    file.write_bytes(data)
    return read(str(file), name, Limits())


def kinds(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in document.blocks]


def test_html_keeps_the_text_and_drops_menus_scripts_and_what_is_hidden(tmp_path: Path) -> None:
    page = b"""<!doctype html><title>A  page</title><body><nav><a>Home</a></nav><script>x()</script>
    <h2>Head<br>line</h2><p>One <b>bold</b>
    word.</p>loose<ul><li>item<ul><li>inner</ul></ul><div hidden>no</div><div style="display: none">no</div>
    <pre>a\n  b</pre><img alt="A cat"></body>"""
    document = read_bytes(tmp_path, page)
    assert document.title == "A page"
    assert kinds(document) == [
        ("heading", "Head line"),
        ("text", "One bold word."),
        ("text", "loose"),
        ("list", "item"),
        ("list", "inner"),
        ("code", "a\n  b"),
        ("text", "[A cat]"),
    ]
    assert [block.level for block in document.blocks][3:5] == [0, 1]


def test_cells_over_rows_and_columns_leave_blanks_in_the_other_places(tmp_path: Path) -> None:
    table = b"<html><table><tr><th rowspan=2>a<th colspan=2>b<tr><td>c<td>d<tr><td>e<td>f<td>g</table>"
    assert tables(read_bytes(tmp_path, table))[0].rows == (("a", "b", ""), ("", "c", "d"), ("e", "f", "g"))


def test_a_table_that_only_lays_out_a_page_is_read_as_text(tmp_path: Path) -> None:
    page = b"<html><table><tr><td><p>One.</p><p>Two.</p></td></tr></table>"
    assert kinds(read_bytes(tmp_path, page)) == [("text", "One."), ("text", "Two.")]


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "utf-16", "utf-16-le", "utf-8-sig", "shift_jis", "euc-kr"])
def test_a_text_is_read_whatever_encoding_it_has(tmp_path: Path, encoding: str) -> None:
    texts = {
        "big5": "這是一個關於人工智慧的說明，我們來看看它的發展和中國的情況。",
        "shift_jis": "これは人工知能についての説明です。私たちはそれを見てみましょう。",
        "euc-kr": "이것은 인공지능에 대한 설명입니다. 우리는 그것을 보고 있는 것이다.",
    }
    text = texts.get(encoding, "这是一个关于人工智能的说明，我们来看看它的发展和中国的情况。")
    assert read_bytes(tmp_path, text.encode(encoding), "a.txt").text == text


def test_a_declared_encoding_that_is_wrong_does_no_harm(tmp_path: Path) -> None:
    page = '<html><meta charset="gbk"><p>编码其实是别的</p>'.encode()
    assert read_bytes(tmp_path, page).text == "编码其实是别的"
    assert read_bytes(tmp_path, '<html><meta charset="gb2312"><p>国标编码</p>'.encode("gbk")).text == "国标编码"


def test_latin_letters_of_old_files_are_kept(tmp_path: Path) -> None:
    assert (
        read_bytes(tmp_path, "Café à Genève – tr\xe8s bon".encode("cp1252"), "a.txt").text == "Café à Genève – très bon"
    )


def test_markdown_has_blocks_and_loses_its_marks(tmp_path: Path) -> None:
    text = b"---\nkey: 1\n---\n# Top\n\nSome **bold** and `code` [link](http://a.b).\n\n- one\n  - two\n\n"
    text += b"```py\nx = 1\n```\n\n|a|b|\n|-|-|\n|1|2|\n"
    document = read_bytes(tmp_path, text, "a.md")
    assert document.title == "Top"
    assert kinds(document) == [
        ("note", "key: 1"),
        ("heading", "Top"),
        ("text", "Some bold and code link (http://a.b)."),
        ("list", "one"),
        ("list", "two"),
        ("code", "x = 1"),
        ("table", "a | b\n1 | 2"),
    ]


def test_separated_values_are_a_table_by_their_shape(tmp_path: Path) -> None:
    text = b'name;place;sum\n"A; B";x;1\nC;y;2\n'
    assert tables(read_bytes(tmp_path, text))[0].rows == (("name", "place", "sum"), ("A; B", "x", "1"), ("C", "y", "2"))
    prose = b"Well, this, here.\nAnd, so, on.\nIt, ends, now.\n"
    assert read_bytes(tmp_path, prose, "a.txt").kind == "text"


def test_subtitles_give_what_is_said(tmp_path: Path) -> None:
    srt = b"1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Hello</i>\r\nthere\r\n\r\n"
    srt += b"2\r\n00:00:03,000 --> 00:00:04,000\r\nBye\r\n"
    assert kinds(read_bytes(tmp_path, srt)) == [("text", "Hello\nthere"), ("text", "Bye")]
    vtt = b"WEBVTT\n\nNOTE checked\n\n00:01.000 --> 00:02.000 align:start\n<v Fang>Hi\n"
    assert kinds(read_bytes(tmp_path, vtt)) == [("note", "checked"), ("text", "Fang: Hi")]


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, epub())
    assert (document.kind, document.title) == ("epub", "A book")
    assert [page.name for page in document.pages] == ["First", "Later"]
    assert [(block.text, block.page) for block in document.blocks if block.kind == "text"] == [
        ("It began.", 1),
        ("The end.", 2),
    ]


def test_a_book_under_copy_protection_is_refused_and_one_with_hidden_fonts_is_not(tmp_path: Path) -> None:
    mark = '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
    name = "META-INF/encryption.xml"
    assert read_bytes(tmp_path, epub(**{name: mark.format("http://www.idpf.org/2008/embedding")})).title == "A book"
    with pytest.raises(BadFile) as refused:
        read_bytes(tmp_path, epub(**{name: mark.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}))
    assert refused.value.code == "encrypted_file"


def test_a_letter_has_headers_body_and_the_names_of_what_is_attached(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, LETTER)
    assert (document.kind, document.title, document.notices) == ("email", "会议", ("attachments_not_read",))
    assert document.blocks[0].rows[0] == ("From", "Wang Fang <fang@example.com>")
    assert kinds(document)[1:] == [("text", "明天再见"), ("note", "Attachment: plan.pdf")]


def test_a_letter_in_two_forms_is_read_once_and_rubbish_in_a_header_does_no_harm(tmp_path: Path) -> None:
    letter = b"From: a@b\nSubject: =?x?b?AAAA?=\nContent-Type: multipart/alternative; boundary=x\n\n"
    letter += b"--x\nContent-Type: text/plain\n\nHello.\n--x\nContent-Type: text/html\n\n<p>Hello.</p>\n--x--\n"
    document = read_bytes(tmp_path, letter)
    assert kinds(document)[1:] == [("text", "Hello.")]
    assert document.notices == ()


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="shared data absent")
def test_an_outlook_message_is_read() -> None:
    document = read(str(DOCUMENTS / "markitdown_test_outlook_msg.msg"), "x", Limits())
    assert document.title == "Test Email Message"
    assert document.blocks[-1].text == "This is the body of the test email message"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b" \n\t ", "empty_file"),
        (b"<html></html>", "empty_file"),
        (b"\x7fELF\2\1\1" + bytes(range(256)) * 8, "unknown_file"),
        (b"GIF89a" + b"\xff\xfe\xfd" * 500, "unknown_file"),
        (b"%PDF-1.7\nbroken", "bad_file"),
        (b"PK\3\4broken", "bad_file"),
        (b"\x89PNG\r\n\x1a\nbroken", "bad_file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_bytes(tmp_path, data)
    assert refused.value.code == code
    assert refused.value.action
