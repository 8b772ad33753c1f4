"""A form with a file comes to disk under limits, and is gone afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hanlin.errors import BadRequest, TooLarge
from hanlin.storage.uploads import plain_name, receive

FORM = "multipart/form-data; boundary=edge"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_file_and_fields_arrive_however_the_body_is_cut(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * 20 + b"\r\n--edgy"
    body = part("language", "中文".encode()) + part("file", content, "a/b\\图 1.png") + b"--edge--\r\n"
    async with receive(pieces(body, size), FORM, tmp_path, limit_bytes=10_000) as upload:
        assert upload.path.read_bytes() == content
        assert (upload.name, upload.size_bytes, upload.fields) == ("图 1.png", len(content), {"language": "中文"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (part("file", b"x" * 11, "a") + b"--edge--\r\n", FORM, TooLarge),
        (part("note", b"x" * 70_000) + b"--edge--\r\n", FORM, TooLarge),
        (part("file", b"x", "a") + part("file", b"y", "b") + b"--edge--\r\n", FORM, BadRequest),
        (part("note", b"x") + b"--edge--\r\n", FORM, BadRequest),
        (part("file", b"x", "a"), FORM, BadRequest),
        (b"{}", "application/json", BadRequest),
        (b"", "multipart/form-data", BadRequest),
        (b"nonsense", FORM, BadRequest),
    ],
)
async def test_what_is_no_such_form_is_refused_and_leaves_nothing(
    tmp_path: Path, body: bytes, kind: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        async with receive(pieces(body, 1000), kind, tmp_path, limit_bytes=10):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.docx", "y.docx"),
        ("..", "file"),
        ("", "file"),
        ('a"\r\nb.png', "a___b.png"),
    ],
)
def test_a_name_loses_its_folders_and_what_headers_and_shells_read(sent: str, kept: str) -> None:
    assert plain_name(sent) == kept
