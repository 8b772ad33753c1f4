"""What inspection finds in ordinary files: `python benchmarks/check_false_positives.py FOLDER…`.

Every file below the folders is inspected. Printed are, for each format, how many were read and how many could not be,
and each finding: label, credential, IPTC source, watermark, label for people. `--made` adds 50 files that only talk of
AIGC; `--most` bounds the files of each kind. The exit status is 1 when something is found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from hanlin.errors import BadFile
from hanlin.labels import Inspection, Trust, inspect_file
from hanlin.labels.evidence.samples import SAMPLES

LARGEST_BYTES = 20 * 1024 * 1024
PROSE = (
    "AIGC",
    "AIGC: a company",
    "We make AIGC tools {for all}",
    'The label is {"AIGC": …} in the file',
    '{"AIGC": "a company"}',
    '{"AIGC":{"Label":"new","name":"x"}}',
    "AIGC{not a label}",
    "AIGC = artificial intelligence generated content",
    "Label: AIGC",
    "Not made by AI. AIGC {}",
)
"""What a person may write who knows the word."""


def findings(seen: Inspection) -> Iterator[str]:
    yield from (f"label in {one.place}: {one.text[:60]!r}" for one in seen.labels)
    if seen.credential is not None:
        yield "credential"
    if seen.iptc_source:
        yield f"IPTC source {seen.iptc_source}"
    if seen.watermark is not None:
        yield f"watermark {seen.watermark}"
    if seen.explicit:
        yield "a label for people"


def made(folder: Path) -> None:
    """Fifty files with the word in comments, names and prose."""
    from PIL import Image, PngImagePlugin

    for number, words in enumerate(PROSE):
        picture = Image.effect_noise((64, 64), 40)
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", words)
        text.add_itxt("AIGC", words)
        picture.save(folder / f"{number}.png", pnginfo=text)
        exif = Image.Exif()
        exif[0x010E] = words
        picture.save(folder / f"{number}.jpg", exif=exif, comment=words.encode())
        frame = b"\3eng\0" + words.encode()
        frame = b"COMM" + len(frame).to_bytes(4) + b"\0\0" + frame
        size = bytes(len(frame) >> bits & 0x7F for bits in (21, 14, 7, 0))
        (folder / f"{number}.mp3").write_bytes(b"ID3\4\0\0" + size + frame + SAMPLES["sound.mp3"]())
        (folder / f"{number}.md").write_text(f"---\ntitle: {words!r}\n---\n# AIGC\n\n{words}\n", encoding="utf-8")
        page = f"<html><head><meta name='AIGC' content='a'></head><!-- {words} --><body><p>{words}</p></body></html>"
        kept = words if words.startswith("{") else f'{{"AIGC": {len(words)}}}'
        (folder / (f"{number}.json" if number % 2 else f"{number}.html")).write_text(
            kept if number % 2 else page, encoding="utf-8"
        )


def files(folders: Iterable[Path], most: int) -> Iterator[Path]:
    kinds: Counter[str] = Counter()
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        kind = path.suffix.lower()
        if kinds[kind] < most and path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST_BYTES:
            kinds[kind] += 1
            yield path


def check(paths: Iterable[Path]) -> tuple[Counter[str], Counter[str], list[str]]:
    read: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    found: list[str] = []
    for path in paths:
        try:
            seen = inspect_file(str(path), path.name, Trust())
        except (BadFile, PermissionError) as refused:
            unread[getattr(refused, "code", "") or type(refused).__name__] += 1
            continue
        read[seen.format] += 1
        unread[f"{seen.format}, content only"] += bool(seen.unreadable)
        found += [f"{path}: {finding}" for finding in findings(seen)]
    return read, unread, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--most", type=int, default=1_000_000)
    arguments = parser.parse_args()
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.made:
            made(Path(folder))
        folders = [*arguments.folders, Path(folder)]
        read, unread, found = check(files(folders, arguments.most))
    print(f"{read.total()} files read, {time.process_time() - started:.0f} s of CPU")
    print("read:", ", ".join(f"{name} {count}" for name, count in read.most_common()))
    print("not read:", ", ".join(f"{name} {count}" for name, count in unread.most_common() if count))
    print("\n".join(found) or "nothing found")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
