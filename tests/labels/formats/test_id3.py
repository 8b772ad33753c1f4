from __future__ import annotations

import io
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import id3
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint
from tests.labels.formats.test_mp4 import TEXT, decoded, film, hostile, labelled, seen_by_ffmpeg, survives
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, INNER, LABEL, OTHER, data, exiftool, joined, mutated

(FORMAT,) = id3.FORMATS
PLACE = "ID3 TXXX"
TITLE = b"\0Mountains"


def sound(**options: str) -> bytes:
    return film("mp3", sound="libmp3lame", **options)


@cache
def bare() -> bytes:
    """MPEG frames without a tag."""
    file = sound(id3v2_version="0", write_xing="0")
    assert file[0] == 0xFF
    return file


def samples(file: bytes) -> Any:
    return soundfile.read(io.BytesIO(file))[0].tobytes()


def syncsafe(number: int) -> bytes:
    return bytes(number >> bits & 0x7F for bits in (21, 14, 7, 0))


def frame(id_: bytes, body: bytes, *, version: int = 3, flags: bytes = b"\0\0") -> bytes:
    if version == 2:
        return id_ + len(body).to_bytes(3) + body
    return id_ + (syncsafe(len(body)) if version == 4 else len(body).to_bytes(4)) + flags + body


def tagged(*frames: bytes, version: int = 3, flags: int = 0, padding: int = 0) -> bytes:
    content = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, flags]) + syncsafe(len(content)) + content


KINDS = {
    "version 3": {"id3v2_version": "3"},
    "version 4": {"id3v2_version": "4"},
    "no tag": {"id3v2_version": "0"},
    "a tail of ID3v1": {"id3v2_version": "3", "write_id3v1": "1"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_sound_stays_and_ffmpeg_reads_the_label(kind: str) -> None:
    file = sound(**KINDS[kind])
    new = labelled(FORMAT, file, PLACE)
    assert decoded(new) == decoded(file)
    assert samples(new) == samples(file)
    assert new.endswith(file[-2000:])
    tags = seen_by_ffmpeg(new)
    assert tags["AIGC"] == TEXT
    assert tags.get("title") == seen_by_ffmpeg(file).get("title")


@pytest.mark.parametrize("version", ["3", "4"])
def test_exiftool_reads_the_label_and_the_title(version: str, tmp_path: Path) -> None:
    fields = exiftool(joined(id3.write(memoryview(sound(id3v2_version=version)), IMPRINT)), tmp_path, "mp3")
    assert fields[f"ID3v2_{version}:UserDefinedText"] == f"(AIGC) {TEXT}"
    assert fields[f"ID3v2_{version}:Title"] == "Mountains"
    assert "ExifTool:Warning" not in fields


def test_padding_takes_the_label_and_nothing_moves() -> None:
    file = tagged(frame(b"TIT2", TITLE), padding=1000) + bare()
    new = labelled(FORMAT, file, PLACE)
    assert len(new) == len(file)
    assert new == tagged(
        frame(b"TIT2", TITLE), frame(b"TXXX", b"\0AIGC\0" + TEXT.encode()), padding=1000 - 16 - len(TEXT)
    ) + bare()  # fmt: skip


def test_a_label_beyond_ascii_stands_in_the_encoding_of_its_version() -> None:
    label = msgspec.structs.replace(LABEL, content_producer="山海")
    for version in (3, 4):
        new = joined(id3.write(memoryview(tagged(version=version) + bare()), Imprint(label)))
        (found,) = id3.read(memoryview(new))
        assert (found.label, found.place, found.faults) == (label, PLACE, (Fault.CHARSET,))
        assert seen_by_ffmpeg(new)["AIGC"] == msgspec.json.encode(label).decode()


UTF_16 = b"\1" + "AIGC\0".encode("utf-16") + INNER.encode("utf-16")
SEVEN = wrap(OTHER)
FORMS: dict[str, tuple[bytes, str, tuple[Fault, ...]]] = {
    "UTF-16": (tagged(frame(b"TXXX", UTF_16)), PLACE, ()),
    "UTF-8": (tagged(frame(b"TXXX", b"\3my AIGC\0" + SEVEN, version=4), version=4), PLACE, ()),
    "wrapped": (tagged(frame(b"TXXX", b"\0AIGC\0" + SEVEN)), PLACE, ()),
    "another description": (tagged(frame(b"TXXX", b"\0label\0" + SEVEN)), PLACE, (Fault.PLACE,)),
    "a comment": (tagged(frame(b"COMM", b"\0eng\0" + SEVEN)), "ID3 COMM", (Fault.PLACE,)),
    "a comment in UTF-16": (
        tagged(frame(b"COMM", b"\1eng" + "\0".encode("utf-16") + INNER.encode("utf-16"))), "ID3 COMM", (Fault.PLACE,)),
    "another text": (tagged(frame(b"TIT3", b"\0" + SEVEN)), "ID3 TIT3", (Fault.PLACE,)),
    "private": (tagged(frame(b"PRIV", b"who\0" + SEVEN)), "ID3 PRIV", (Fault.PLACE,)),
    "XMP": (tagged(frame(b"PRIV", b"XMP\0" + ELEMENT.encode())), "ID3 PRIV XMP", (Fault.PLACE,)),
    "version 2": (tagged(frame(b"TXX", b"\0AIGC\0" + SEVEN, version=2), version=2), PLACE, (Fault.PLACE,)),
    "a second tag": (tagged() + tagged(frame(b"TXXX", b"\0AIGC\0" + SEVEN)), PLACE, ()),
    "unsynchronised, version 3": (
        tagged(frame(b"APIC", b"\xff\0" * 9), frame(b"TXXX", b"\0AIGC\0" + SEVEN), flags=0x80).replace(
            b"APIC\0\0\0\x12", b"APIC\0\0\0\x09"), PLACE, ()),
    "unsynchronised, version 4": (
        tagged(frame(b"TXXX", b"\3\xff\0AIGC\0" + SEVEN, version=4, flags=b"\0\2"), version=4, flags=0x80), PLACE, ()),
    "extended header, version 3": (
        tagged(bytes.fromhex("00000006 0000 00000000"), frame(b"TXXX", b"\0AIGC\0" + SEVEN), flags=0x40), PLACE, ()),
    "extended header, version 4": (
        tagged(bytes.fromhex("0000000c 01 20 05 0102030405"), frame(b"TXXX", b"\0AIGC\0" + SEVEN, version=4),
               version=4, flags=0x40), PLACE, ()),
    "footer": (
        tagged(frame(b"TXXX", b"\0AIGC\0" + SEVEN, version=4), version=4, flags=0x10) + b"3DI" + bytes(7), PLACE, ()),
    "compressed, version 3": (
        tagged(frame(b"TXXX", bytes(4) + zlib.compress(b"\0AIGC\0" + SEVEN), flags=b"\0\x80")), PLACE, ()),
    "compressed and grouped, version 4": (
        tagged(frame(b"TXXX", b"g" + bytes(4) + zlib.compress(b"\0AIGC\0" + SEVEN), version=4, flags=b"\0\x49"),
               version=4), PLACE, ()),
    "plain sizes in version 4": (
        tagged(frame(b"TXXX", b"\0AIGC\0" + SEVEN + b" " * 120), frame(b"TIT2", TITLE), version=4), PLACE, ()),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_labels_in_other_forms_are_read_and_replaced(form: str) -> None:
    tag, place, faults = FORMS[form]
    (found,) = id3.read(memoryview(tag + bare()))
    assert (found.label, found.place, found.faults) == (OTHER, place, faults)
    new = labelled(FORMAT, tag + bare(), PLACE)
    assert new.endswith(bare())
    assert decoded(new) == decoded(bare())
    assert seen_by_ffmpeg(new)["AIGC"] == TEXT


def test_the_rest_of_an_xmp_packet_stays() -> None:
    tag, *_ = FORMS["XMP"]
    assert b"image/png" in joined(id3.write(memoryview(tag + bare()), IMPRINT))


def test_version_2_becomes_version_3_with_all_its_frames(tmp_path: Path) -> None:
    picture = b"\0JPG\3\0" + b"\xff\xd8\xff\xe0 jpeg"
    frames = (frame(b"TT2", TITLE, version=2), frame(b"PIC", picture, version=2), frame(b"TYE", b"\x002024", version=2))
    new = labelled(FORMAT, tagged(*frames, version=2) + bare(), PLACE)
    fields = exiftool(new, tmp_path, "mp3")
    assert (fields["ID3v2_3:Title"], fields["ID3v2_3:Year"]) == ("Mountains", 2024)
    assert (fields["ID3v2_3:PictureMIMEType"], fields["ID3v2_3:PictureType"]) == ("image/jpeg", 3)
    with pytest.raises(BadFile, match=r"2\.2"):
        id3.write(memoryview(tagged(frame(b"CRM", b"?", version=2), version=2) + bare()), IMPRINT)


def test_frames_that_are_not_understood_stay_byte_for_byte() -> None:
    secret = frame(b"TXXX", b"\1" + b"encrypted", version=4, flags=b"\0\4")
    other = frame(b"XYZW", b"\xff\0\xff", version=4, flags=b"\x40\2")
    new = joined(id3.write(memoryview(tagged(secret, other, version=4) + bare()), IMPRINT))
    assert secret + other in new


@pytest.mark.parametrize(
    "file",
    [
        b"ID3\3\0\0\0\0\0\0 no sound at all",
        b"ID3\5\0\0\0\0\0\0",
        b"ID3\2\0\x40\0\0\0\0",
        b"ID3\3\0\0\0\0\0\x80",
        b"ID3\3\0\0\0\0\x7f\0",
        b"ID3\3\0",
        tagged(frame(b"TIT2", b"")[:-2] + b"\0\0"),
        tagged(b"TIT2\0\0\xff\xff\0\0"),
        tagged(b"\x80\0\0\0", version=4, flags=0x40),
    ],
)
def test_tags_that_cannot_be_end_in_bad_file(file: bytes) -> None:
    with pytest.raises(BadFile):
        id3.write(memoryview(file), IMPRINT)


def test_a_compressed_frame_does_not_grow_without_bounds() -> None:
    bomb = zlib.compress(b"\0AIGC\0" + b'"Label' * 20_000_000, 1)
    assert id3.read(memoryview(tagged(frame(b"TXXX", bytes(4) + bomb, flags=b"\0\x80")))) == []


def test_real_speech_stays() -> None:
    file = data("speech", "multi_faster-whisper_multilingual.mp3").read_bytes()
    assert samples(labelled(FORMAT, file, PLACE)) == samples(file)


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    tags = [tag + bare()[:600] for tag, *_ in FORMS.values()]
    survives(FORMAT, draws.draw(mutated(tags)))
