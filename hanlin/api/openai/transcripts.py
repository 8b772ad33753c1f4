"""The forms a transcription is written in: OpenAI's JSON, plain text, SubRip and WebVTT; labelled where they can be."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, Struct, UnsetType, field

from hanlin.api.asgi import JSON, Header, encode
from hanlin.api.openai.served import Served
from hanlin.labels import header as label_header
from hanlin.types import Label, Spoken

Form = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMS: tuple[str, ...] = get_args(Form)
PLAIN: Header = (b"content-type", b"text/plain; charset=utf-8")
VTT: Header = (b"content-type", b"text/vtt; charset=utf-8")
SRT: Header = (b"content-type", b"application/x-subrip; charset=utf-8")


class Duration(Struct):
    """OpenAI's usage of a model that is paid by time."""

    seconds: int
    type: str = "duration"


class Transcription(Struct):
    text: str
    usage: Duration
    receipt: str
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")


class HeardWord(Struct):
    word: str
    start: float
    end: float
    probability: float


class HeardSegment(Struct):
    id: int
    start: float
    end: float
    text: str
    avg_logprob: float
    no_speech_prob: float
    seek: int = 0
    tokens: list[int] = []
    temperature: float = 0
    compression_ratio: float = 0


class VerboseTranscription(Struct):
    """With times. `language` is an ISO 639-1 code."""

    text: str
    language: str
    duration: float
    segments: list[HeardSegment]
    usage: Duration
    receipt: str
    task: str = "transcribe"
    words: list[HeardWord] | UnsetType = UNSET
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")


class Delta(Struct):
    """An event of a stream: more text."""

    delta: str
    type: str = "transcript.text.delta"
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")


class Done(Struct):
    """The last event of a stream: the whole text."""

    text: str
    usage: Duration
    receipt: str
    type: str = "transcript.text.done"
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")

    @classmethod
    def of(cls, answer: Served, request_id: str, seconds: float) -> Done:
        return cls(answer.text, Duration(round(seconds)), f"/receipts/{request_id}", aigc=answer.label or UNSET)


def written(form: Form, spoken: Spoken, answer: Served, request_id: str, *, words: bool) -> tuple[Header, bytes]:
    """The content type and the bytes of a transcription."""
    if form == "text":
        return PLAIN, f"{answer.text}\n".encode()
    if form == "srt":
        return SRT, _subrip(spoken).encode()
    if form == "vtt":
        return VTT, _webvtt(spoken, answer.label).encode()
    usage, receipt = Duration(round(spoken.seconds)), f"/receipts/{request_id}"
    if form == "json":
        return JSON, encode(Transcription(answer.text, usage, receipt, answer.label or UNSET))
    verbose = VerboseTranscription(
        answer.text, spoken.language, spoken.seconds, _segments(spoken), usage, receipt, aigc=answer.label or UNSET
    )
    if words:
        verbose.words = [
            HeardWord(word.text.strip(), word.start_seconds, word.end_seconds, word.probability)
            for segment in spoken.segments
            for word in segment.words
        ]
    return JSON, encode(verbose)


def _segments(spoken: Spoken) -> list[HeardSegment]:
    return [
        HeardSegment(
            number,
            one.start_seconds,
            one.end_seconds,
            one.text,
            one.mean_log_probability,
            one.no_speech_probability,
        )
        for number, one in enumerate(spoken.segments)
    ]


def _subrip(spoken: Spoken) -> str:
    cues = [
        f"{number}\n{_time(one.start_seconds, ',')} --> {_time(one.end_seconds, ',')}\n{_line(one.text)}\n"
        for number, one in enumerate(spoken.segments, 1)
    ]
    return "\n".join(cues)


def _webvtt(spoken: Spoken, label: Label | None) -> str:
    """With the label as a note, which players do not show."""
    blocks = ["WEBVTT\n"]
    if label is not None:
        blocks.append(f"NOTE AIGC {label_header(label)}\n")
    blocks += [
        f"{_time(one.start_seconds, '.')} --> {_time(one.end_seconds, '.')}\n{_line(one.text)}\n"
        for one in spoken.segments
    ]
    return "\n".join(blocks)


def _line(text: str) -> str:
    """A cue's text on one line; an arrow in it would be read as a time."""
    return " ".join(text.split()).replace("-->", "->")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
