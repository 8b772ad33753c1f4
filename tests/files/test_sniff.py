"""What a file is, by its content."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.files.sniff import KINDS, sniff

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
MAIL = (
    b"Return-Path: <a@example.org>\r\nReceived: from b by c;\r\n\tTue, 24 Nov 2026\r\nSubject: x\r\n\r\n"
    b"Hello %PDF-1.4\r\n"
)


def package(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


def compound(root: bytes = bytes(16), names: str = "") -> bytes:
    """The head of a compound file, and the first sector of its directory."""
    head = bytearray(512)
    head[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<H", head, 30, 9)
    directory = bytearray(512)
    directory[80:96] = root
    directory[128 : 128 + 2 * len(names)] = names.encode("utf-16-le")
    return bytes(head + directory)


KNOWN: list[tuple[str, bytes, str]] = [
    ("pdf", b"%PDF-1.7\n", "a.pdf"),
    ("pdf", b"rubbish of a driver\n%PDF-1.3\n", "a.pdf"),
    ("docx", package("[Content_Types].xml", "word/document.xml"), "a"),
    ("pptx", package("ppt/presentation.xml"), "a"),
    ("xlsx", package("xl/workbook.xml"), "a.docx"),
    ("epub", package("mimetype", "META-INF/container.xml"), "a"),
    ("html", b"\xef\xbb\xbf <!-- x --> <!DOCTYPE html><p>", "a.txt"),
    ("html", b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', "a"),
    ("md", b"# Title\n", "notes.MD"),
    ("csv", "姓名,分数\n".encode("gb18030"), "a.csv"),
    ("csv", b"a\tb\n", "a.tsv"),
    ("txt", "床前明月光".encode("gb18030"), "poem"),
    ("txt", "床前明月光".encode("utf-16"), "poem.txt"),
    ("txt", b"a: b\n\nnot a letter", "a.txt"),
    ("srt", b"1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\n", "a.txt"),
    ("vtt", b"\xef\xbb\xbfWEBVTT\n\n00:01.000 --> 00:02.000\nx", "a"),
    ("eml", MAIL, "a.eml"),
    ("msg", compound(bytes.fromhex("0b0d020000000000c000000000000046")), "a.msg"),
    ("msg", compound(names="__properties_version1.0"), "a.msg"),
    ("png", b"\x89PNG\r\n\x1a\n", "a.jpg"),
    ("jpeg", b"\xff\xd8\xff\xe0", "a"),
    ("webp", b"RIFF\0\0\0\0WEBPVP8 ", "a"),
    ("tiff", b"MM\0*", "a"),
    ("mp3", b"ID3\x04", "a"),
    ("mp3", b"\xff\xfb\x90\x64", "a"),
    ("wav", b"RF64\xff\xff\xff\xffWAVE", "a"),
    ("aac", b"\xff\xf1\x50\x80", "a"),
    ("m4a", b"\0\0\0\x20ftypM4A \0\0\0\0", "a"),
    ("mp4", b"\0\0\0\x20ftypisom\0\0\0\0", "a.m4v"),
    ("mov", b"\0\0\0\x14ftypqt  \0\0\0\0", "a"),
    ("mov", b"\0\0\0\x08wide\0\0\0\0mdat", "a"),
    ("3gp", b"\0\0\0\x18ftyp3gp5\0\0\0\0", "a"),
    ("wma", ASF + bytes(100), "a"),
    ("wmv", ASF + bytes(100) + ASF_VIDEO, "a"),
    ("ogg", b"OggS\0\x02" + bytes(22) + b"\x01vorbis", "a"),
    ("ogv", b"OggS\0\x02" + bytes(22) + b"\x80theora", "a"),
    ("amr", b"#!AMR\n\x3c", "a"),
    ("flac", b"fLaC\0", "a"),
    ("aiff", b"FORM\0\0\0\0AIFFCOMM", "a"),
    ("flv", b"FLV\x01\x05", "a"),
    ("rmvb", b".RMF\0\0\0\x12", "a"),
    ("mkv", b"\x1aE\xdf\xa3\x93B\x82\x88matroska", "a"),
    ("webm", b"\x1aE\xdf\xa3\x93B\x82\x84webm", "a"),
    ("avi", b"RIFF\0\0\0\0AVI LIST", "a"),
    ("mpeg", b"\0\0\x01\xba\x44", "a"),
    ("mpeg", b"RIFF\0\0\0\0CDXAfmt ", "avseq01.dat"),
    ("mpeg", (b"\x47" + bytes(187)) * 3, "a.ts"),
]


@pytest.mark.parametrize(("kind", "content", "name"), KNOWN, ids=lambda value: value if isinstance(value, str) else "")
def test_known_kinds(tmp_path: Path, kind: str, content: bytes, name: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert sniff(file, name) == KINDS[kind]


def test_every_kind_is_in_the_table_above() -> None:
    assert {kind for kind, _, _ in KNOWN} == set(KINDS)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "empty_file", "is empty"),
        (package("a.txt", "b.txt"), "unknown_file", "Unpack it"),
        (package(), "unknown_file", "Unpack it"),
        (package("mimetype", "content.xml"), "unknown_file", "Save it as DOCX"),
        (package("word/document.xml")[:40], "bad_file", "broken or cut off"),
        (compound(names="EncryptedPackage"), "encrypted_file", "password"),
        (compound(names="WordDocument"), "unknown_file", "before 2007"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "bad_file", "broken or cut off"),
        (b"MZ\x90\0\x03", "unknown_file", "Bring one of these"),
        (b"\x7fELF\x02", "unknown_file", "Bring one of these"),
        (b"GIF89a\x01\0", "unknown_file", "Bring one of these"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "unknown_file", "Bring one of these"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # bytes of a package hold the time of day
)
def test_what_is_not_taken_in_is_refused_with_what_to_do(tmp_path: Path, content: bytes, code: str, said: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(BadFile, match=said) as refused:
        sniff(file, "report.pdf")
    assert refused.value.code == code


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"), b"PK\x05\x06"]))
def test_no_content_breaks_it(tmp_path_factory: pytest.TempPathFactory, tail: bytes, head: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(head + tail + (b"PK\x05\x06" + tail[:18].ljust(18, b"\xff") if head[:2] == b"PK" else b""))
    try:
        assert sniff(file, "a.md") in KINDS.values()
    except BadFile:
        pass


def test_a_directory_that_promises_too_much_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "bomb"
    content = bytearray(package("word/document.xml"))
    struct.pack_into("<H", content, len(content) - 22 + 10, 60_000)
    file.write_bytes(content)
    with pytest.raises(BadFile, match="broken"):
        sniff(file, "a.docx")


SHARED = {
    ".pdf": "pdf", ".docx": "docx", ".pptx": "pptx", ".xlsx": "xlsx", ".epub": "epub", ".msg": "msg", ".html": "html",
    ".vtt": "vtt", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".wav": "wav", ".mp3": "mp3", ".flac": "flac",
    ".mp4": "mp4", ".csv": "csv", ".jsonl": "txt",
}  # fmt: skip


def test_real_files() -> None:
    if not DATA.exists():
        pytest.skip("the shared test data is absent")
    seen = [path for path in sorted(DATA.rglob("*")) if path.suffix in SHARED]
    assert [(path.name, sniff(path, path.name)) for path in seen] == [
        (path.name, KINDS[SHARED[path.suffix]]) for path in seen
    ]
    assert len(seen) > 40
