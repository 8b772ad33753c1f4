"""The content inside a file, whatever its kind: marked for people, watermarked, recognised, fingerprinted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from html import unescape
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Format, Modality

if TYPE_CHECKING:
    from PIL import Image

    from hanlin.labels.watermark.protocol import Detection, Pixels, Samples

PIXELS = 64_000_000
"""Largest picture that is looked at for a watermark and a fingerprint."""
SOUND_SECONDS = 1800
"""Of a longer sound the beginning is looked at."""
TEXT_BYTES = 4 * 1024 * 1024
MACHINE_READ = frozenset({"json", "sse"})
"""Formats that no person reads, so that nothing in them is visible."""
DRAWN = frozenset({"png", "jpeg", "webp", "gif", "tiff", "avif"})
"""Pictures that can be decoded and encoded here."""
PLAYED = frozenset({"wav", "flac", "ogg", "opus", "mp3"})
READ = frozenset({"txt", "md", "html", "json", "sse"})


class Print(Struct, frozen=True):
    """One fingerprint: where the index keeps it, and where it looks for one like it."""

    kind: Literal["text", "picture", "sound"]
    keys: tuple[int, ...] = ()
    value: bytes = b""
    asked_keys: tuple[int, ...] = ()
    asked: bytes = b""


def can_carry_watermark(format_: Format) -> bool:
    """Whether `marked` puts a number into the content of files of this kind. Not GIF: 256 colours would not keep it."""
    return format_.name in (DRAWN - {"gif"}) | PLAYED


def marked(
    file: bytes, format_: Format, language: str | None, payload: int | None, spoken: bytes | None = None
) -> bytes:
    """The file with the label that people see or hear, and with an invisible 64-bit number; either may be None.

    `spoken` is a wave file with the audible label in words; without it sound gets the rhythm (GB 45438-2025, 5.3). What
    no person reads (JSON, events) stays as it is. Raises BadFile when the label cannot be put on, Misconfigured when
    that takes a library that is not installed.
    """
    from hanlin.labels.explicit import document, picture, sound, video

    number = payload if can_carry_watermark(format_) else None
    if language is None and number is None:
        return file
    if format_.modality is Modality.PICTURE:
        return picture.redrawn(file, format_.name, language, None if number is None else partial(_on_pixels, number))
    if format_.modality is Modality.SOUND:
        then = None if number is None else partial(_on_samples, number)
        kind: sound.Kind = "speech" if spoken else "rhythm"
        at: sound.Place | None = None if language is None else "both"
        return sound.add_to(file, format_.name, kind=kind, at=at, spoken=spoken, then=then)
    if language is None or format_.modality is Modality.VIDEO:
        return file if language is None else video.add(file, format_.name, language)
    return file if format_.name in MACHINE_READ else document.add(file, format_.name, language)


def watermark_in(file: memoryview, format_: Format) -> Detection | None:
    """The number that a picture or sound carries. Raises BadFile when it cannot be decoded."""
    from hanlin.labels.watermark.chosen import PICTURE, SOUND

    if format_.name in DRAWN:
        return PICTURE.find(pixels_of(file))
    if format_.name in PLAYED:
        samples, rate = samples_of(file)
        return SOUND.find(samples, rate)
    return None


def explicit_in(file: memoryview, format_: Format) -> bool | None:
    """Whether a label for people stands in the content; None for kinds where that is not looked for."""
    from hanlin.labels.explicit import document, sound

    if document.can_carry(format_.name):
        return document.stands_in(bytes(file), format_.name)
    if format_.name in PLAYED:
        return sound.heard(*samples_of(file))
    return None


def prints_of(file: memoryview, format_: Format) -> tuple[Print, ...]:
    """Fingerprints of the content; none where there is too little of it. Raises BadFile when it cannot be decoded."""
    if format_.name in DRAWN:
        return tuple(_picture_prints(pixels_of(file)))
    if format_.name in PLAYED:
        return tuple(_sound_prints(*samples_of(file)))
    return text_prints(text_of(file, format_)) if format_.name in READ else ()


def text_prints(text: str) -> tuple[Print, ...]:
    """The fingerprint of a text; none below 200 characters."""
    from hanlin.labels.fingerprint import text as texts

    kept, asked = texts.fingerprint(text), texts.question(text)
    if not len(kept) and not len(asked):
        return ()
    return (
        Print(
            "text",
            tuple(kept.tolist()),
            kept.astype("<u4").tobytes(),
            tuple(asked[:, 0].tolist()),
            asked.astype("<u4").tobytes(),
        ),
    )


def text_of(file: memoryview, format_: Format) -> str:
    """What a person reads in a text file."""
    from hanlin.labels.formats.html import TOKEN

    data = bytes(file[:TEXT_BYTES])
    if format_.name == "html":
        return unescape(TOKEN.sub(b" ", data).decode("utf-8", "replace"))
    return data.decode("utf-8", "replace")


def pixels_of(file: memoryview) -> Pixels:
    """The first frame as RGB, shape (height, width, 3), as viewers turn it. Raises BadFile."""
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(file)) as image:
            if image.width * image.height <= PIXELS:
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as error:
        raise BadFile("The picture cannot be decoded.", action="Open it in an image program and save it.") from error
    raise BadFile(f"A picture of more than {PIXELS} pixels is not decoded here.", action="Make it smaller.")


def samples_of(file: memoryview) -> tuple[Samples, int]:
    """The beginning of a sound, shape (frames, channels), and its rate in Hz. Raises BadFile."""
    from soundfile import SoundFile, SoundFileError

    try:
        with SoundFile(io.BytesIO(file)) as source:
            frames = min(source.frames, SOUND_SECONDS * source.samplerate)
            return source.read(frames, "float32", always_2d=True), source.samplerate
    except (SoundFileError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise BadFile("The sound cannot be decoded.", action="Open it in an audio program and save it.") from error


def _on_samples(payload: int, samples: Samples, rate: int) -> Samples:
    from hanlin.labels.watermark.chosen import SOUND

    return SOUND.embed(samples, rate, payload)


def _on_pixels(payload: int, image: Image.Image) -> Image.Image:
    """The image with the watermark in its colours; modes that are neither grey nor RGB stay as they are."""
    import numpy as np
    from PIL import Image as Pictures

    from hanlin.labels.watermark.chosen import PICTURE

    if image.mode not in ("RGB", "RGBA", "L", "LA"):
        return image
    marked_pixels = PICTURE.embed(np.asarray(image.convert("RGB")), payload)
    carrier = Pictures.fromarray(marked_pixels).convert(image.mode)
    if image.mode in ("RGBA", "LA"):
        carrier.putalpha(image.getchannel("A"))
    return carrier


def _picture_prints(pixels: Any) -> Iterator[Print]:
    from hanlin.labels.fingerprint import picture

    found = picture.fingerprint(pixels)
    if found is not None:
        value = found.to_bytes(picture.BITS // 8, "big")
        yield Print("picture", tuple(picture.keys(found)), value, tuple(picture.probes(found)), value)


def _sound_prints(samples: Any, rate: int) -> Iterator[Print]:
    from hanlin.labels.fingerprint import sound

    found = sound.fingerprint(samples, rate)
    keys = tuple(sound.keys(found))
    if keys:
        value = found.astype("<u4").tobytes()
        yield Print("sound", keys, value, tuple(sound.probes(found)), value)
