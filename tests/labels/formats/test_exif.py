from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from PIL import Image

from hanlin.errors import BadFile
from hanlin.labels import wrap
from hanlin.labels.formats import exif
from hanlin.labels.found import Fault
from tests.labels.formats.test_xmp import ELEMENT, INNER, OTHER, mutated

WRAPPED = wrap(OTHER)
USER_COMMENTS = {
    "ASCII": b"ASCII\0\0\0" + WRAPPED,
    "undefined": bytes(8) + WRAPPED,
    "no charset": WRAPPED,
    "UTF-16 of one order": b"UNICODE\0" + WRAPPED.decode().encode("utf-16-le"),
    "UTF-16 of the other": b"UNICODE\0" + WRAPPED.decode().encode("utf-16-be"),
    "UTF-16 with a mark": b"UNICODE\0" + WRAPPED.decode().encode("utf-16"),
    "inner object": b"ASCII\0\0\0" + INNER.encode(),
}


def block(user_comment: bytes = b"", **tags: Any) -> bytes:
    """An EXIF block as Pillow writes it, with `Exif\\0\\0`; tags of the first directory as `t010E=…`."""
    made = Image.Exif()
    made[0x0110] = "Camera"
    for name, value in tags.items():
        made[int(name[1:], 16)] = value
    if user_comment:
        made.get_ifd(0x8769)[exif.USER_COMMENT] = user_comment
        made.get_ifd(0x8769)[0x829A] = (1, 60)
    return made.tobytes()


@pytest.mark.parametrize("form", USER_COMMENTS)
def test_a_label_in_the_user_comment_is_read(form: str) -> None:
    (found,) = exif.read(block(USER_COMMENTS[form]))
    assert (found.label, found.place, found.faults) == (OTHER, "EXIF UserComment", ())


@pytest.mark.parametrize(
    ("tag", "value", "place"),
    [
        ("t010E", WRAPPED.decode(), "EXIF ImageDescription"),
        ("t013B", INNER, "EXIF Artist"),
        ("t9C9C", WRAPPED.decode().encode("utf-16-le"), "EXIF XPComment"),
        ("t02BC", ELEMENT.encode(), "EXIF XMP"),
    ],
)
def test_other_tags_are_read_and_out_of_place(tag: str, value: Any, place: str) -> None:
    (found,) = exif.read(block(**{tag: value}))
    assert (found.label, found.place, found.faults) == (OTHER, place, (Fault.PLACE,))


def test_the_form_of_the_guide_before_the_standard_is_read_with_its_faults() -> None:
    text = json.dumps({"ServiceProvider": "p", "ServiceUser": "u", "Time": "2026-01-01", "ContentId": "7"})
    (found,) = exif.read(block(t010E=text))
    assert (found.label.label, found.label.content_producer, found.label.produce_id) == ("", "p", "7")
    assert set(found.faults) == {Fault.MISSING_KEY, Fault.UNKNOWN_KEY, Fault.LABEL_VALUE, Fault.PLACE}


def test_private_notes_of_a_product_are_no_label() -> None:
    text = '{"data":{"aigc_label_type":0,"product":"x","exportType":"generation","AIGC":1}}'
    assert exif.read(block(b"ASCII\0\0\0" + text.encode(), t010E=text)) == []
    assert exif.read(block(t010E='{"ContentId": "AIGC"}', t013B="AIGC weekly")) == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_blanking_takes_the_label_and_moves_nothing(order: str) -> None:
    made = Image.Exif()
    made.endian = order
    made[0x010F], made[0x010E] = "Maker of cameras", WRAPPED.decode()
    made.get_ifd(0x8769)[exif.USER_COMMENT] = USER_COMMENTS["ASCII"]
    made[0x02BC] = ELEMENT.encode().ljust(2000)
    whole = made.tobytes()
    assert len(exif.read(whole)) == 3
    blank = exif.blanked(whole)
    assert exif.read(blank) == []
    assert len(blank) == len(whole)
    assert b"doubao" not in blank
    after = Image.Exif()
    after.load(blank)
    assert after[0x010F] == "Maker of cameras"
    assert b"image/png" in after[0x02BC]
    assert exif.blanked(whole[6:]) == blank[6:]


def test_directories_that_point_at_one_another_are_met_once() -> None:
    first, second = 8, 8 + 2 + 12 + 4
    row = struct.pack("<HHII", 0x8769, 4, 1, first)
    loop = memoryview(
        b"II*\0\x08\0\0\0" + b"".join(struct.pack("<H", 1) + row + struct.pack("<I", at) for at in (second, first))
    )
    assert [found.start for found in exif.directories(loop, exif.layout(loop))] == [8, 26]


def test_what_is_no_exif_has_no_label_and_stays() -> None:
    for other in (b"", b"Exif\0\0", b"II*\0", b"AIGC" * 40):
        assert exif.read(other) == []
        assert exif.blanked(other) == other


def test_a_block_full_of_fields_on_one_text_is_refused() -> None:
    rows, text = 5000, (b"AIGC" + b"{" * 3000) * 20
    at = 8 + 2 + rows * 12 + 4
    row = struct.pack("<HHII", 0x010E, 2, len(text), at)
    full = b"II*\0\x08\0\0\0" + struct.pack("<H", rows) + row * rows + bytes(4) + text
    with pytest.raises(BadFile):
        exif.read(full)
    many = [8 + number * 18 for number in range(30_000)]
    chain = b"II*\0\x08\0\0\0" + b"".join(struct.pack("<HHHIII", 1, 1, 1, 1, 0, at + 18) for at in many)
    with pytest.raises(BadFile, match="directories"):
        list(exif.directories(memoryview(chain), exif.layout(memoryview(chain))))


@given(mutated([block(value, t010E=WRAPPED.decode(), t02BC=ELEMENT.encode()) for value in USER_COMMENTS.values()]))
def test_any_block_is_read_or_refused(data: bytes) -> None:
    try:
        exif.read(data)
        assert len(exif.blanked(data)) == len(data)
    except BadFile:
        pass
