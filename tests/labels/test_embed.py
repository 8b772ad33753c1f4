"""A label is written once, whole, and read back; what a file is, its content says."""

import io
from pathlib import Path

import pytest
from PIL import Image

from hanlin.errors import BadFile
from hanlin.labels import Imprint, label_file, read_labels, write_label
from hanlin.labels.evidence.samples import SAMPLES
from hanlin.labels.formats.table import FORMATS, find, of_ending
from hanlin.types import Label

LABEL = Label("1", "00119144030008867405X2100A1", "n1", "", "00119144030008867405X2200A1", "n1", "")
KINDS = {"picture.jpg": "jpeg"}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_known_by_its_content_alone(name: str) -> None:
    wanted = KINDS.get(name, name.rpartition(".")[2])
    unnamed = "" if wanted != "md" else "a.md"  # Markdown is text until its name says more
    assert find(memoryview(SAMPLES[name]()), unnamed).name == wanted


@pytest.mark.parametrize("name", SAMPLES)
def test_labelled_twice_is_labelled_once(name: str) -> None:
    other = Label("1", "someone-else", "n0", "", "someone-else", "n0", "")
    first = write_label(SAMPLES[name](), Imprint(other), name)
    second = write_label(first, Imprint(LABEL), name)
    assert [found.label for found in read_labels(second, name)] == [LABEL]
    again = write_label(second, Imprint(LABEL), name)
    assert again == second or name == "document.pdf"  # to PDF changes are appended, so that signatures in it still hold


@pytest.mark.parametrize(
    ("name", "promised"),
    [("a.JPG", "jpeg"), ("b.tif", "tiff"), ("c.md", "md"), ("d", ""), ("e.heif", "heic"), ("f.docx", "docx")],
)
def test_endings_promise_a_format(name: str, promised: str) -> None:
    assert of_ending(name) == promised
    assert not promised or promised in FORMATS


def test_a_name_does_not_make_a_text_of_a_picture() -> None:
    assert find(memoryview(SAMPLES["picture.png"]()), "notes.txt").name == "png"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\1\2\3 binary", "file"),
        (b"PK\3\4 an archive of something", "file.zip"),
        (b"only words", "holiday.png"),
        (b"a,b\n1,2\n", "table.csv"),
        (b"print('hello')", "code.py"),
    ],
)
def test_what_is_of_no_known_kind_is_refused_with_the_known_ones(content: bytes, name: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_labels(content, name)
    assert refused.value.code == "unknown_format"
    assert "png" in refused.value.action


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(BadFile, match="empty"):
        label_file(tmp_path / "empty", tmp_path / "out", Imprint(LABEL))


def test_a_file_is_labelled_in_place_and_keeps_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(SAMPLES["picture.png"]())
    file.chmod(0o640)
    before = Image.open(io.BytesIO(file.read_bytes())).tobytes()
    assert label_file(file, file, Imprint(LABEL)).name == "png"
    assert file.stat().st_mode & 0o777 == 0o640
    assert Image.open(io.BytesIO(file.read_bytes())).tobytes() == before
    assert [found.label for found in read_labels(file.read_bytes())] == [LABEL]


def test_a_broken_file_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    whole = SAMPLES["picture.png"]()
    (tmp_path / "broken.png").write_bytes(whole[:40])
    (tmp_path / "target.png").write_bytes(b"what was there")
    with pytest.raises(BadFile):
        label_file(tmp_path / "broken.png", tmp_path / "target.png", Imprint(LABEL))
    assert (tmp_path / "target.png").read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.png", "target.png"]
