from __future__ import annotations

import io
import time
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest
from hypothesis import given
from pikepdf import Array, Dictionary, Name, Stream, String

from hanlin.errors import BadFile
from hanlin.labels.formats import pdf, xmp
from hanlin.labels.found import Fault
from tests.labels.formats.test_xmp import ELEMENT, IMPRINT, INNER, LABEL, OTHER, data, exiftool, joined, mutated

TEXT = msgspec.json.encode(LABEL).decode()
SHARED = [
    "docling_multi_page.pdf", "docling_normal_4pages.pdf", "docling_ocr_test.pdf", "kreuzberg_sample_contract.pdf",
    "kreuzberg_scanned.pdf", "markitdown_test.pdf",
]  # fmt: skip


def blank(*, info: dict[str, str] | None = None, packet: str = "", catalog: str = "", **options: Any) -> bytes:
    document, file = pikepdf.new(), io.BytesIO()
    document.add_blank_page(page_size=(300, 200))
    for key, value in (info or {}).items():
        document.docinfo[f"/{key}"] = String(value)
    if packet:
        document.Root.Metadata = Stream(document, packet.encode(), Type=Name.Metadata, Subtype=Name.XML)
    if catalog:
        document.Root.AIGC = String(catalog)
    document.save(file, **({"static_id": True} | options))
    return file.getvalue()


def signed(*, certified: bool = False, **options: Any) -> bytes:
    """With a form field that holds a signature; the signature itself is never looked at."""
    document, file = pikepdf.open(io.BytesIO(blank())), io.BytesIO()
    signature = document.make_indirect(Dictionary(Type=Name.Sig, Contents=String("x" * 32)))
    field = document.make_indirect(Dictionary(FT=Name.Sig, T=String("Signature1"), V=signature))
    document.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)
    if certified:
        document.Root.Perms = Dictionary(DocMDP=signature)
    document.save(file, **options)
    return file.getvalue()


def written(file: bytes) -> bytes:
    return joined(pdf.write(memoryview(file), IMPRINT))


def labels(file: bytes) -> list[Any]:
    return [found.label for found in pdf.read(memoryview(file))]


def sound(file: bytes) -> Any:
    """The file, opened by a reader that has nothing to complain of."""
    document = pikepdf.open(io.BytesIO(file))
    assert document.check_pdf_syntax() == []
    assert document.get_warnings() == []
    return document


PLAIN = {
    "cross-reference table": blank(),
    "cross-reference stream": blank(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "linearised": blank(linearize=True),
    "with Info": blank(info={"Title": "A (title) \\ 标题", "Author": "Li"}),
    "signed": signed(),
}


@pytest.mark.parametrize("file", PLAIN.values(), ids=PLAIN)
def test_a_label_is_an_update_behind_the_untouched_file(file: bytes) -> None:
    made = written(file)
    assert made.startswith(file)
    assert len(made) - len(file) < 1200
    document = sound(made)
    assert str(document.docinfo["/AIGC"]) == TEXT
    (found,) = pdf.read(memoryview(made))
    assert (found.label, found.place, found.faults) == (LABEL, "PDF Info", ())
    assert labels(written(made)) == [LABEL]


@pytest.mark.parametrize("name", SHARED)
def test_real_files_get_their_label_and_exiftool_reads_it(name: str, tmp_path: Path) -> None:
    file = data("documents", name).read_bytes()
    assert labels(file) == []
    made = written(file)
    assert made.startswith(file)
    assert exiftool(made, tmp_path, "pdf")["PDF:AIGC"] == TEXT
    with pikepdf.open(io.BytesIO(file)) as before, pikepdf.open(io.BytesIO(made)) as after:
        assert [page.Contents for page in before.pages] == [page.Contents for page in after.pages]
        kept = {key: str(value) for key, value in after.docinfo.items() if key != "/AIGC"}
        assert kept == {key: str(value) for key, value in before.docinfo.items()}


def test_labels_in_all_places_become_one_and_the_packet_keeps_the_rest() -> None:
    file = blank(info={"AIGC": INNER, "myAIGC": INNER, "Title": "T"}, packet=ELEMENT, catalog=INNER)
    found = pdf.read(memoryview(file))
    assert [one.label for one in found] == [OTHER] * 4
    assert [Fault.PLACE in one.faults for one in found] == [False, True, True, True]
    made = written(file)
    assert labels(made) == [LABEL]
    document = sound(made)
    assert str(document.docinfo["/Title"]) == "T"
    packet = document.Root.Metadata.read_bytes()
    assert xmp.read(packet, "") == []
    assert b"image/png" in packet


def test_an_encrypted_file_without_user_password_stays_encrypted() -> None:
    for revision in (4, 6):
        permissions = pikepdf.Permissions(print_highres=False)
        file = blank(
            encryption=pikepdf.Encryption(owner="secret", user="", R=revision, allow=permissions), static_id=False
        )  # type: ignore[arg-type, unused-ignore]
        document = sound(written(file))
        assert str(document.docinfo["/AIGC"]) == TEXT
        assert (document.is_encrypted, document.encryption.R) == (True, revision)
        assert document.allow.print_highres is False
        assert pikepdf.open(io.BytesIO(written(file)), password="secret").owner_password_matched


def test_a_file_that_needs_a_password_is_a_bad_file() -> None:
    file = blank(encryption=pikepdf.Encryption(owner="o", user="u"), static_id=False)
    for call in (labels, written):
        with pytest.raises(BadFile, match="needs a password"):
            call(file)


def test_a_broken_cross_reference_is_written_anew_and_whole() -> None:
    file = blank(info={"Title": "T"})
    for broken in (
        file.replace(b"startxref\n", b"startxref\n9"),
        b"\r\nnoise\r\n" + file,
        file[: file.rindex(b"xref")],
    ):
        document = sound(written(broken))
        assert str(document.docinfo["/AIGC"]) == TEXT
        assert len(document.pages) == 1


def test_a_signature_is_never_broken() -> None:
    """It covers the bytes before the update; a certified file, or one that must be written anew, is refused."""
    with pytest.raises(BadFile, match="certified"):
        written(signed(certified=True))
    with pytest.raises(BadFile, match="signed"):
        written(signed().replace(b"startxref\n", b"startxref\n9"))


def test_a_value_that_is_no_label_is_not_found_and_replaced() -> None:
    file = blank(info={"AIGC": "yes"})
    assert labels(file) == []
    assert labels(written(file)) == [LABEL]


def bomb() -> bytes:
    """A packet that would inflate to 256 MB."""
    squeeze = zlib.compressobj(1)
    packed = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(256)) + squeeze.flush()
    document, file = pikepdf.open(io.BytesIO(blank())), io.BytesIO()
    stream = Stream(document, b"")
    stream.write(packed, filter=Name.FlateDecode)
    document.Root.Metadata = stream
    level = pikepdf.StreamDecodeLevel.none
    document.save(file, compress_streams=False, stream_decode_level=level, fix_metadata_version=False)
    return file.getvalue()


def nested() -> bytes:
    return blank().replace(b"/Type /Catalog", b"/Type /Catalog /X " + b"[" * 100_000)


def circular() -> bytes:
    return blank().replace(b"/Kids [", b"/Kids [ 2 0 R 1 0 R ")


@pytest.mark.parametrize("make", [bomb, nested, circular, lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 100_000])
def test_hostile_files_end_soon(make: Any) -> None:
    file = make()
    started = time.monotonic()
    try:
        assert labels(file) == []
        assert labels(written(file)) == [LABEL]
    except BadFile:
        pass
    assert time.monotonic() - started < 4


@given(mutated([written(blank(info={"Title": "T"})), PLAIN["cross-reference stream"], blank(packet=ELEMENT)]))
def test_any_damage_gives_a_bad_file_or_a_result(file: bytes) -> None:
    try:
        pdf.read(memoryview(file))
        made = written(file)
    except BadFile:
        return
    assert LABEL in labels(made)
