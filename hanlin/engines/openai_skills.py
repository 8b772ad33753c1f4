"""What an OpenAI-compatible upstream offers beside chat: transcription, embeddings, and pictures read by a model.

A wire makes the bodies of the requests for a job and reads the answers' bodies; the engine carries them.
"""

from __future__ import annotations

import math
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import Struct

from hanlin import sound
from hanlin.engines.openai_answer import invalid
from hanlin.errors import BadRequest, Misconfigured
from hanlin.types import (
    Choice,
    Chunk,
    Delta,
    Generation,
    Line,
    Media,
    Model,
    Recognised,
    Segment,
    Skill,
    Spoken,
    Usage,
    Vectors,
    Word,
)

TEXTS_AT_ONCE = 128
READ_PICTURE = (
    "Write out all the text in this picture, exactly as it stands, in reading order, one line for each line. "
    "Write nothing else. If there is no text, write nothing."
)


class Wire(Protocol):
    paths: tuple[str, ...]
    content_type: str

    def requests(self, job: Generation) -> Iterator[tuple[str, bytes]]:
        """Path and body of each request to make, one after another."""
        ...

    def read(self, bodies: list[bytes], job: Generation) -> Chunk:
        """The answer out of the bodies that came back. Raises EngineFailed (`upstream_invalid`)."""
        ...

    def plainer(self) -> bool:
        """Ask for less from now on, after a refusal; False when there is nothing less to ask for."""
        ...


def wire_of(model: Model, name: str) -> Wire:
    """The wire for a model's skill; `name` is what the upstream calls the model. Raises Misconfigured."""
    if model.skill is Skill.TRANSCRIPTION:
        return Transcribing(name)
    if model.skill is Skill.EMBEDDING:
        return Embedding(name)
    if model.skill is Skill.RECOGNITION:
        return Recognising(name)
    raise Misconfigured(
        f"Model {model.name!r} is for {model.skill.value}, which no upstream offers.",
        action="Use the engine `voices`.",
    )


class Transcribing:
    paths: tuple[str, ...] = ("/audio/transcriptions", "/audio/translations")

    def __init__(self, name: str) -> None:
        self._name = name
        self._boundary = secrets.token_hex(24)
        self._form = "verbose_json"
        self.content_type = f"multipart/form-data; boundary={self._boundary}"

    def requests(self, job: Generation) -> Iterator[tuple[str, bytes]]:
        media = _media(job)
        hint = job.chat.messages[-1].text()
        fields = {"model": self._name, "response_format": self._form, "temperature": "0", "prompt": hint[:1000]}
        if not media.translate:
            fields["language"] = media.language
        if self._form == "verbose_json":
            fields["timestamp_granularities[]"] = "word"
        content = sound.clip(media.path, media.start_seconds, media.end_seconds)
        yield (
            self.paths[media.translate],
            self._multipart({key: value for key, value in fields.items() if value}, content),
        )

    def read(self, bodies: list[bytes], job: Generation) -> Chunk:
        heard = _decoded(bodies[0], _Heard)
        media = _media(job)
        seconds = heard.duration or sound.seconds(media.path) - media.start_seconds
        segments = _segments(heard, media.start_seconds, seconds)
        spoken = Spoken(segments, _code(heard.language) or media.language, seconds)
        count = len(segments)
        return _whole(spoken.text, Usage(round(seconds), count, round(seconds) + count), spoken)

    def plainer(self) -> bool:
        """Newer transcription models of OpenAI know `json` only."""
        self._form, before = "json", self._form
        return before != "json"

    def _multipart(self, fields: dict[str, str], content: bytes) -> bytes:
        mark = f"--{self._boundary}\r\n"
        parts = [
            f'{mark}content-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
        ]
        if self._form == "verbose_json":
            parts.append(f'{mark}content-disposition: form-data; name="timestamp_granularities[]"\r\n\r\nsegment\r\n')
        file = 'form-data; name="file"; filename="sound.wav"'
        parts.append(f"{mark}content-disposition: {file}\r\ncontent-type: audio/wav\r\n\r\n")
        return "".join(parts).encode() + content + f"\r\n--{self._boundary}--\r\n".encode()


class Embedding:
    paths: tuple[str, ...] = ("/embeddings",)
    content_type = "application/json"

    def __init__(self, name: str) -> None:
        self._name = name

    def requests(self, job: Generation) -> Iterator[tuple[str, bytes]]:
        texts = _texts(job)
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            wanted = {"model": self._name, "input": texts[at : at + TEXTS_AT_ONCE], "encoding_format": "float"}
            yield self.paths[0], msgspec.json.encode(wanted)

    def read(self, bodies: list[bytes], job: Generation) -> Chunk:
        rows: list[bytes] = []
        tokens = 0
        for body in bodies:
            answer = _decoded(body, _Embedded)
            rows += [_unit(one.embedding) for one in sorted(answer.data, key=lambda one: one.index)]
            tokens += answer.usage.prompt_tokens
        if len(rows) != len(_texts(job)) or len({len(row) for row in rows}) != 1:
            raise invalid(f"answered with {len(rows)} vectors where {len(_texts(job))} of one length were asked for")
        return _whole(None, Usage(tokens, 0, tokens), Vectors(tuple(rows), len(rows[0]) // 4))

    def plainer(self) -> bool:
        return False


class Recognising:
    paths: tuple[str, ...] = ("/chat/completions",)
    content_type = "application/json"

    def __init__(self, name: str) -> None:
        self._name = name

    def requests(self, job: Generation) -> Iterator[tuple[str, bytes]]:
        content = Path(_media(job).path).read_bytes()
        kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
        url = f"data:{kind};base64,{b64encode(content).decode()}"
        parts = [{"type": "text", "text": READ_PICTURE}, {"type": "image_url", "image_url": {"url": url}}]
        wanted = {"model": self._name, "messages": [{"role": "user", "content": parts}], "temperature": 0}
        yield self.paths[0], msgspec.json.encode(wanted | {"max_tokens": job.max_tokens})

    def read(self, bodies: list[bytes], job: Generation) -> Chunk:
        """The lines without their places, which such a model does not tell."""
        answer = _decoded(bodies[0], _Read)
        if not answer.choices:
            raise invalid(f"answered {job.id} without a choice")
        text = answer.choices[0].message.content or ""
        lines = tuple(Line(line.strip(), (0, 0, 0, 0)) for line in text.splitlines() if line.strip())
        found = Recognised(lines)
        return _whole(found.text, answer.usage, found)

    def plainer(self) -> bool:
        return False


class _HeardWord(Struct):
    word: str
    start: float = 0
    end: float = 0


class _HeardSegment(Struct):
    text: str
    start: float = 0
    end: float = 0
    avg_logprob: float = 0
    no_speech_prob: float = 0


class _Heard(Struct):
    text: str = ""
    language: str | None = None
    duration: float | None = None
    segments: list[_HeardSegment] | None = None
    words: list[_HeardWord] | None = None


class _Row(Struct):
    embedding: str | list[float]
    index: int = 0


class _Embedded(Struct):
    data: list[_Row]
    usage: Usage = Usage()


class _ReadMessage(Struct):
    content: str | None = None


class _ReadChoice(Struct):
    message: _ReadMessage


class _Read(Struct):
    choices: list[_ReadChoice]
    usage: Usage = Usage()


def _decoded(body: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (ValueError, RecursionError):
        raise invalid("answered in another form than was asked for") from None


def _media(job: Generation) -> Media:
    if job.media is None:
        raise BadRequest("A file is needed.", code="no_media", param="file")
    return job.media


def _texts(job: Generation) -> list[str]:
    return [message.text() for message in job.chat.messages if message.role == "user"]


def _whole(text: str | None, usage: Usage, detail: Spoken | Vectors | Recognised) -> Chunk:
    return Chunk([Choice(0, Delta(role="assistant", content=text), "stop")], usage, detail=detail)


def _unit(row: str | list[float]) -> bytes:
    """A vector of length 1, whichever of the two encodings came."""
    try:
        vector = np.frombuffer(b64decode(row), "<f4") if isinstance(row, str) else np.asarray(row, np.float32)
    except ValueError:
        raise invalid("answered with a vector that cannot be read") from None
    length = float(np.linalg.norm(vector))
    if not len(vector) or not math.isfinite(length) or length < 1e-12:
        raise invalid("answered with a vector without a direction")
    return (vector / length).astype("<f4").tobytes()


LANGUAGES = {"chinese": "zh", "english": "en", "vietnamese": "vi", "indonesian": "id", "malay": "ms", "thai": "th"}
"""OpenAI tells the language of speech by its English name."""


def _code(language: str | None) -> str:
    name = (language or "").lower()
    return LANGUAGES.get(name, name if len(name) <= 3 else "")


def _segments(heard: _Heard, offset: float, seconds: float) -> tuple[Segment, ...]:
    """Segments whose texts, joined, are the whole; one for all when the server gave only text."""
    given = heard.segments or ([_HeardSegment(heard.text, 0, seconds)] if heard.text.strip() else [])
    words = list(heard.words or ())
    segments: list[Segment] = []
    for one in given:
        text = _spaced(one.text, segments[-1].text if segments else "")
        mine = [word for word in words if one.start <= (word.start + word.end) / 2 <= one.end + 0.01]
        words = words[len(mine) :] if words[: len(mine)] == mine else [word for word in words if word not in mine]
        segments.append(
            Segment(
                round(one.start + offset, 3),
                round(one.end + offset, 3),
                text,
                _words(text, mine, offset, math.exp(min(0.0, one.avg_logprob))),
                one.avg_logprob,
                one.no_speech_prob,
            )
        )
    return tuple(segments)


def _spaced(text: str, before: str) -> str:
    """The text with a blank before it where its script wants one and the server left it out; none at the beginning."""
    if not before:
        return text.lstrip()
    glued = before[-1:].isascii() and not before[-1:].isspace() and text[:1].isascii() and not text[:1].isspace()
    return f" {text}" if glued else text


def _words(text: str, heard: list[_HeardWord], offset: float, probability: float) -> tuple[Word, ...]:
    """The words as parts of the text, each with the blanks and marks before it; none when they do not fit it."""
    words: list[Word] = []
    place = 0
    for number, word in enumerate(heard):
        found = text.find(word.word.strip(), place)
        if found < 0 or found - place > 4:
            return ()
        end = len(text) if number == len(heard) - 1 else found + len(word.word.strip())
        words.append(
            Word(text[place:end], round(word.start + offset, 3), round(word.end + offset, 3), round(probability, 4))
        )
        place = end
    return tuple(words)
