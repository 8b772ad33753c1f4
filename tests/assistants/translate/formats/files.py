"""Small files of each kind, and a translation that anybody can check: vowels with an accent."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from hanlin.assistants.translate.formats import extract, patch

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")


def accented(text: str) -> str:
    """The text with accents, its markers as they are."""
    return "".join(
        piece if re.fullmatch(r"</?g\d+>|<x\d+/>", piece) else piece.translate(ACCENTS)
        for piece in re.split(r"(</?g\d+>|<x\d+/>)", text)
    )


def sources(path: Path, kind: str) -> list[str]:
    return [found.source for found in extract(str(path), kind)]


def translated(path: Path, kind: str) -> Path:
    """The file with accents."""
    target = path.with_name(f"accented-{path.name}")
    patch(str(path), str(target), kind, [accented(source) for source in sources(path, kind)])
    return target


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def word(folder: Path, body: str, **parts: str) -> Path:
    """A DOCX whose body is this XML."""
    path = folder / "document.docx"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", types)
        package.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:body>{body}</w:body></w:document>',
        )
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def body(path: Path) -> str:
    """The body of a DOCX without namespaces."""
    with zipfile.ZipFile(path) as package:
        text = package.read("word/document.xml").decode()
    found = re.search(r"<w:body>(.*)</w:body>", text, re.DOTALL)
    assert found is not None
    return re.sub(r' xmlns:\w+="[^"]*"', "", found[1])


def bomb() -> bytes:
    """A DOCX whose main part unpacks to 200 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"<a>" + b" " * 200_000_000)
    return buffer.getvalue()
