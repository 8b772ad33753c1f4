"""All marks of one file: what it is said to carry it carries, and nothing it had is lost."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanlin.errors import BadFile
from hanlin.labels import Imprint, Order
from hanlin.labels.evidence.samples import SAMPLES
from hanlin.labels.seal import numbered, payload_of, seal
from hanlin.labels.signature import credentials
from hanlin.labels.signature.authority import Authority
from hanlin.types import Label

ORDER = Order(Imprint(Label("1", "maker", "n1", "", "maker", "n1", "")))


def saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_marks_come_in_the_order_that_keeps_them_all(tmp_path: Path) -> None:
    order = Order(ORDER.imprint, keys=str(tmp_path), operator="Example")
    _, sealed = seal(SAMPLES["picture.png"](), order, "a.png")
    assert sealed.layers == ("explicit", "watermark", "security", "metadata", "credential")
    assert sealed.watermark == payload_of("n1")


@pytest.mark.parametrize(
    "picture",
    [
        saved(Image.effect_mandelbrot((400, 300), (-2, -1.2, 1, 1.2), 60).convert("CMYK"), "TIFF"),
        saved(Image.fromarray(np.full((80, 80, 3), 128, np.uint8)), "PNG"),
    ],
    ids=["CMYK", "80 pixels"],
)
def test_a_watermark_that_did_not_stay_is_not_claimed(picture: bytes) -> None:
    _, sealed = seal(picture, ORDER)
    assert sealed.layers == ("explicit", "metadata")
    assert sealed.watermark is None


def test_what_has_no_place_for_a_visible_label_is_not_handed_out_without_one() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
    with pytest.raises(BadFile, match="no place for a visible label"):
        seal(buffer.getvalue(), ORDER, "a.epub")


def test_a_credential_lives_on_as_the_parent_s_when_the_picture_is_drawn_anew(tmp_path: Path) -> None:
    order = Order(ORDER.imprint, keys=str(tmp_path), operator="Example")
    first, _ = seal(SAMPLES["picture.jpg"](), order, "a.jpg")
    second, _ = seal(first, numbered(order, "n2"), "a.jpg")
    anchors = Authority.open(tmp_path, "Example").trust_anchors
    found = credentials.read(second, "image/jpeg", anchors)
    assert found is not None
    assert found.state == "trusted"
    assert "c2pa.opened" in found.actions
