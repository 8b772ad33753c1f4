from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from struct import pack, unpack_from
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import id3, riff
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint
from tests.labels.formats.test_mp4 import TEXT, decoded, film, format_of, hostile, labelled, seen_by_ffmpeg, survives
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, INNER, LABEL, OTHER, data, exiftool, joined, mutated

WAV, AVI = riff.FORMATS
LONG = Imprint(msgspec.structs.replace(LABEL, reserved_code1="x" * 3000))


def sound(samples: int = 1001, **options: str) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, samples)
    soundfile.write(file, noise, 8000, **({"format": "WAV"} | options))
    return file.getvalue()


def samples(file: bytes) -> Any:
    return soundfile.read(io.BytesIO(file), dtype="int32")[0].tobytes()


def never_closed() -> bytes:
    """What a recorder leaves that could not go back to write the sizes."""
    file = bytearray(sound())
    at = file.index(b"data") + 4
    file[4:8] = file[at : at + 4] = b"\xff" * 4
    return bytes(file)


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + pack("<I", len(content)) + content + bytes(len(content) % 2)


def with_chunks(*more: bytes, file: bytes | None = None) -> bytes:
    whole = (file or sound()) + b"".join(more)
    return whole[:4] + pack("<I", len(whole) - 8) + whole[8:]


WAVES: dict[str, Callable[[], bytes]] = {
    "PCM 16": sound,
    "PCM 8, of odd length": lambda: sound(subtype="PCM_U8"),
    "no byte to make it even": lambda: sound(subtype="PCM_U8")[:-1],
    "float": lambda: sound(subtype="FLOAT"),
    "RIFX": lambda: sound(endian="BIG"),
    "RF64": lambda: sound(format="RF64"),
    "never closed": never_closed,
    "of ffmpeg": lambda: film("wav", sound="pcm_s16le"),
}


@pytest.mark.parametrize("kind", WAVES)
def test_sound_stays(kind: str) -> None:
    file = WAVES[kind]()
    new = labelled(WAV, file, "WAV AIGC")
    assert samples(new) == samples(file)
    assert decoded(new) == decoded(file)
    assert chunk(b"AIGC", TEXT.encode())[8:] in new


def test_the_label_is_the_last_chunk_and_the_size_counts_it() -> None:
    assert joined(riff.write_wav(memoryview(sound()), IMPRINT)) == with_chunks(chunk(b"AIGC", TEXT.encode()))


def test_sound_without_an_end_stays_last() -> None:
    new = joined(riff.write_wav(memoryview(never_closed()), IMPRINT))
    assert new.index(b"AIGC") < new.index(b"data")
    assert new[4:8] == b"\xff" * 4


def test_the_large_size_of_rf64_follows() -> None:
    new = joined(riff.write_wav(memoryview(sound(format="RF64")), IMPRINT))
    assert unpack_from("<Q", new, 20) == (len(new) - 8,)
    assert new[4:8] == b"\xff" * 4


def test_what_follows_the_riff_stays_behind_it() -> None:
    new = joined(riff.write_wav(memoryview(sound() + b"TAG" + bytes(125)), IMPRINT))
    assert new == with_chunks(chunk(b"AIGC", TEXT.encode())) + b"TAG" + bytes(125)


def test_exiftool_sees_the_chunk(tmp_path: Path) -> None:
    fields = exiftool(joined(riff.write_wav(memoryview(sound()), IMPRINT)), tmp_path, "wav")
    assert "ExifTool:Warning" not in fields
    assert fields["RIFF:SampleRate"] == 8000


ID3 = id3._framed(3, "TXXX", b"\0AIGC\0" + wrap(OTHER))
ELSEWHERE = {
    "INFO": (chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Hi") + chunk(b"ICMT", INNER.encode())), "WAV INFO", b"INAM"),
    "ID3": (chunk(b"id3 ", b"ID3\3\0\0" + id3._to_syncsafe(len(ID3)) + ID3), "ID3 TXXX", b"ID3\3"),
    "XMP": (chunk(b"_PMX", ELEMENT.encode() + b" " * 300), "WAV XMP", b"image/png"),
}


@pytest.mark.parametrize("form", ELSEWHERE)
def test_a_label_elsewhere_is_read_as_out_of_place_and_replaced(form: str) -> None:
    more, place, left = ELSEWHERE[form]
    file = with_chunks(more)
    (found,) = riff.read_wav(memoryview(file))
    assert (found.label, found.place, found.faults) == (OTHER, place, (Fault.PLACE,))
    new = labelled(WAV, file, "WAV AIGC")
    assert samples(new) == samples(file)
    assert INNER.encode() not in new
    assert left in new


def test_several_labels_become_one() -> None:
    file = with_chunks(chunk(b"AIGC", INNER.encode()), chunk(b"AIGC", b"nothing"), chunk(b"note", b"kept"))
    assert labelled(WAV, file, "WAV AIGC") == with_chunks(chunk(b"note", b"kept"), chunk(b"AIGC", TEXT.encode()))


@pytest.mark.parametrize("name", ["zh_wenet_mid.wav", "ms_malaya_rec1.wav"])
def test_real_speech_stays(name: str) -> None:
    file = data("speech", name).read_bytes()
    assert samples(labelled(WAV, file, "WAV AIGC")) == samples(file)


def avi() -> bytes:
    return film("avi", video="mpeg4", sound="libmp3lame")


def without_junk(file: bytes) -> bytes:
    return file.replace(b"JUNK", b"Note")


def with_absolute_index(file: bytes) -> bytes:
    """As some programs write `idx1`: counted from the start of the file."""
    index, movie = file.rindex(b"idx1"), file.index(b"movi")
    count = unpack_from("<I", file, index + 4)[0] // 16
    entries = np.frombuffer(file, "<u4", count * 4, index + 8).reshape(-1, 4).copy()
    entries[:, 2] += movie
    return file[: index + 8] + entries.tobytes() + file[index + 8 + count * 16 :]


FILMS: dict[str, Callable[[], bytes]] = {
    "of ffmpeg": avi,
    "no junk": lambda: without_junk(avi()),
    "no junk, absolute index": lambda: without_junk(with_absolute_index(avi())),
    "no list of INFO": lambda: avi().replace(b"INFO", b"NONE"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_films_stay_and_ffmpeg_reads_the_label(kind: str) -> None:
    file = FILMS[kind]()
    new = labelled(AVI, file, "AVI INFO")
    assert decoded(new) == decoded(file)
    assert unpack_from("<I", new, 4) == (len(new) - 8,)
    assert seen_by_ffmpeg(new)["AIGC"] == TEXT
    assert seen_by_ffmpeg(new).get("title") == seen_by_ffmpeg(file).get("title")


def test_junk_takes_what_the_list_grows() -> None:
    new = labelled(AVI, avi(), "AVI INFO")
    assert len(new) == len(avi())
    assert new[new.index(b"movi") :] == avi()[avi().index(b"movi") :]


def test_a_label_longer_than_the_junk_moves_the_movie_and_its_index() -> None:
    file = with_absolute_index(avi())
    new = joined(riff.write_avi(memoryview(file), LONG))
    assert decoded(new) == decoded(file)
    index, movie = new.rindex(b"idx1") + 8, new.index(b"movi")
    for at in range(index, len(new) - 15, 16):
        kind, _, offset, _ = unpack_from("<4sIII", new, at)
        assert new[offset : offset + 4] == kind
        assert offset > movie


def open_dml(in_info: bytes = b"", at: int = 0) -> bytes:
    """Two RIFFs with OpenDML's indexes: `indx` of the header points at two `ix00`, and those at their own movies."""
    points = b"".join(pack("<QII", at + place, 32, 1) for place in ((12, 68) if at else (0, 0)))
    indx = chunk(b"indx", pack("<HBBI4s12x", 4, 0, 0, 2, b"00dc") + points)
    header = chunk(b"LIST", b"hdrl" + chunk(b"LIST", b"strl" + indx))
    info = chunk(b"LIST", b"INFO" + in_info)
    standard = [pack("<HBBI4sQ4x", 2, 0, 1, 0, b"00dc", base) for base in (at + 8, at + 64)]
    first, second = (chunk(b"LIST", b"movi" + chunk(b"ix00", index)) for index in standard)
    before = b"AVI " + header + info
    file = b"RIFF" + pack("<I", len(before) + len(first)) + before + first
    whole = file + chunk(b"RIFF", b"AVIX" + second)
    return whole if at else open_dml(in_info, 8 + len(before))


def test_every_offset_of_open_dml_follows() -> None:
    """The labelled file is the one that would have been made with the label in it."""
    file = open_dml()
    first = file.index(b"ix00")
    assert unpack_from("<Q", file, file.index(b"00dc") + 16) == (first,)
    new = joined(riff.write_avi(memoryview(file), IMPRINT))
    assert new == open_dml(chunk(b"AIGC", TEXT.encode()))


def with_broken_index(file: bytes) -> bytes:
    at = file.rindex(b"idx1") + 16
    return file[:at] + b"\xff\xff\0\0" + file[at + 4 :]


@pytest.mark.parametrize(
    ("write", "file"),
    [
        (riff.write_wav, b""),
        (riff.write_wav, b"RIFF\0\0\0\0WAV"),
        (riff.write_wav, b"RF64\xff\xff\xff\xffWAVEfmt "),
        (riff.write_wav, with_chunks(chunk(b"id3 ", b"ID3\3\0\0\0\0\7\7"))),
        (riff.write_wav, with_chunks(chunk(b"note", bytes(40)))[:-20]),
        (riff.write_avi, b"RIFF\4\0\0\0AVI "),
        (riff.write_avi, avi()[:-2000]),
        (riff.write_avi, with_broken_index(without_junk(avi()))),
        (riff.write_avi, open_dml().replace(b"ix00", b"xx00")),
    ],
)
def test_chunks_that_cannot_be_end_in_bad_file(write: Callable[..., object], file: bytes) -> None:
    with pytest.raises(BadFile):
        write(memoryview(file), IMPRINT)


def test_a_file_of_nothing_but_chunks_ends_soon() -> None:
    with pytest.raises(BadFile, match="chunks"):
        riff.read_wav(memoryview(with_chunks(chunk(b"note", b"") * (riff._MAX_CHUNKS + 1))))


@cache
def small() -> list[tuple[str, bytes]]:
    waves = [
        sound(9),
        sound(9, format="RF64"),
        sound(9, endian="BIG"),
        *(with_chunks(more, file=sound(9)) for more, *_ in ELSEWHERE.values()),
    ]
    films = [open_dml(), film("avi", video="mpeg4", seconds=0.2), open_dml(chunk(b"AIGC", wrap(OTHER)))]
    return [*(("wav", file) for file in waves), *(("avi", file) for file in films)]


@hostile
@given(st.data())
def test_a_broken_file_gives_labels_or_bad_file(draws: st.DataObject) -> None:
    name, file = draws.draw(st.sampled_from(small()))
    survives(format_of(riff.FORMATS, name), draws.draw(mutated([file])))


def test_an_old_label_of_odd_length_at_the_end_leaves_no_byte_behind() -> None:
    """Its writer forgot the byte that makes it even."""
    odd = b"AIGC" + pack("<I", len(INNER) + 1) + INNER.encode() + b" "
    assert len(odd) % 2
    file = with_chunks(odd)
    new = joined(riff.write_wav(memoryview(file), IMPRINT))
    assert new == with_chunks(chunk(b"AIGC", TEXT.encode()))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_size_that_does_not_hold_the_form_is_a_bad_file(size: int) -> None:
    with pytest.raises(BadFile, match="size"):
        riff.write_wav(memoryview(sound()[:4] + pack("<I", size) + sound()[8:]), IMPRINT)


def test_labels_without_end_are_a_bad_file() -> None:
    with pytest.raises(BadFile, match="too much text"):
        riff.read_wav(memoryview(with_chunks(chunk(b"AIGC", INNER.encode()) * 20_000)))
