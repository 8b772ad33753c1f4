"""The words every room shares, as frozen structs. Names on the wire are kept inside too (OpenAI's chat completions).

Structs are decoded from JSON once, at the edge; bounds stand in the types, so what is inside has been checked.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field


class Role(StrEnum):
    """What a person is in one workspace."""

    OWNER = "owner"
    """Uses everything, manages the workspace's people, keys and limits."""
    MEMBER = "member"
    """Uses everything, manages own keys."""
    AUDITOR = "auditor"
    """Reads record, usage and register; never content; generates nothing."""
    REVIEWER = "reviewer"
    """Decides what the policy held and what people object to; reads the texts of these cases; generates nothing."""


class Permission(StrEnum):
    """What a route asks for. An API key's scopes are a subset of these."""

    GENERATE = "generate"
    READ_REGISTRY = "registry:read"
    WRITE_REGISTRY = "registry:write"
    READ_USAGE = "usage:read"
    READ_AUDIT = "audit:read"
    MANAGE_KEYS = "keys:write"
    MANAGE_PEOPLE = "people:write"
    WRITE_POLICY = "policy:write"
    REVIEW = "review"


class Actor(Struct, frozen=True):
    """Who acts: an explicit argument of everything that acts. Ids are random pseudonyms, safe in the record."""

    person: str
    workspace: str
    role: Role
    permissions: frozenset[Permission]
    administrator: bool = False
    """Operates the whole server: register, workspaces."""
    key: str = ""
    """Id of the API key used; empty in a browser."""
    session: str = ""
    """Id of the browser session used; empty with a key."""
    services: frozenset[str] | None = None
    """Services this key may use; None = all of the workspace."""
    minor: bool = False
    """Marked as a minor: a policy's rules and hours for minors hold."""


Facts = dict[str, str | int]
Announce = Callable[[str, Actor | None, Facts], Awaitable[object]]
"""Puts `subject:action`, who did it and the facts on the record; awaited before a change is answered for.

How the rooms that change things reach the record without knowing it. Facts are ids and words, never names or texts.
"""


async def unheard(event: str, actor: Actor | None, facts: Facts) -> None:
    """An Announce for where there is no record: examinations of a room on its own."""


class Scope(StrEnum):
    """To whom a service is offered (Interim Measures, art. 2: internal use lies outside them)."""

    INTERNAL = "internal"
    PUBLIC = "public"


class Filing(Struct, frozen=True, forbid_unknown_fields=True):
    """备案 (filing, own or fine-tuned model) or 登记 (registration, a filed model called by API)."""

    kind: Literal["filing", "registration"]
    number: Annotated[str, Meta(min_length=4, max_length=120)]
    model_name: Annotated[str, Meta(min_length=1, max_length=120)]
    """Name of the filed model, published beside the number."""


class Skill(StrEnum):
    """What a model does for who asks it."""

    CHAT = "chat"
    TRANSCRIPTION = "transcription"
    """Speech to text with times."""
    EMBEDDING = "embedding"
    """Texts to vectors whose nearness is likeness of meaning."""
    RECOGNITION = "recognition"
    """A picture's writing to text with places (OCR)."""
    VOICES = "voices"
    """Stretches of sound to vectors whose nearness is likeness of the voice."""


class Model(Struct, frozen=True):
    """Weights that answer, at one version, known by hash; or a named model of an upstream."""

    name: str
    engine: str
    """`echo`, `llama_cpp`, `openai` …: the key into app's table of engines."""
    skill: Skill = Skill.CHAT
    version: str = "1"
    digest: str = ""
    """`sha256:<hex>` of the weights; of the declared identity for an upstream."""
    code: str = "0000"
    """Four characters 0-9A-Z: the model's part of the provider code in labels."""
    publisher: str = ""
    licence: str = ""
    context_tokens: int = 8192
    max_output_tokens: int = 2048
    """Ceiling put on every generation, asked for or not."""
    declaration: str = ""
    """In a settings file: why it may serve internal services without an examination; goes on the record."""
    options: dict[str, Any] = {}
    """The engine's own: `weights` (catalog name) for llama_cpp; `preset`, `base_url`, `model` for openai."""


class Service(Struct, frozen=True):
    """What is offered to people under one name."""

    name: str
    models: tuple[str, ...]
    title: str = ""
    scope: Scope = Scope.INTERNAL
    filing: Filing | None = None
    policy: str = "default"
    system_prompt: str = ""


class Route(Struct, frozen=True):
    """A service and the model of it that answers: what `registry.resolve` finds."""

    service: Service
    model: Model


Text = Annotated[str, Meta(max_length=4_000_000)]
ShortText = Annotated[str, Meta(max_length=512)]


class FunctionCall(Struct, frozen=True, omit_defaults=True):
    name: ShortText = ""
    arguments: Text = ""


class ToolCall(Struct, frozen=True, omit_defaults=True):
    """A finished call in a message, or a piece of one in a stream (`index` says which)."""

    function: FunctionCall = FunctionCall()
    id: ShortText | None = None
    type: Literal["function"] | None = None
    index: int | None = None


class ContentPart(Struct, frozen=True, omit_defaults=True):
    """One part of a message. Only `text` and `refusal` parts reach a text engine; others are refused by name."""

    type: ShortText
    text: Text | UnsetType = UNSET
    refusal: Text | UnsetType = UNSET
    image_url: dict[str, Any] | UnsetType = UNSET
    input_audio: dict[str, Any] | UnsetType = UNSET
    file: dict[str, Any] | UnsetType = UNSET


class Message(Struct, frozen=True, omit_defaults=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[ContentPart] | None = None
    name: ShortText | None = None
    refusal: Text | None = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=128)] | None = None
    tool_call_id: ShortText | None = None
    reasoning_content: Text | None = None

    def text(self) -> str:
        """All text of the message, parts joined by a line break; tool-call arguments are not in it."""
        if isinstance(self.content, str):
            return self.content
        if not self.content:
            return ""
        return "\n".join(part.text for part in self.content if isinstance(part.text, str))


class Function(Struct, frozen=True, omit_defaults=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-.]{1,64}\Z")]
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, frozen=True):
    function: Function
    type: Literal["function"] = "function"


class NamedFunction(Struct, frozen=True):
    name: ShortText


class NamedTool(Struct, frozen=True):
    function: NamedFunction
    type: Literal["function"] = "function"


class StreamOptions(Struct, frozen=True, omit_defaults=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ResponseSchema(Struct, frozen=True, omit_defaults=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_\-]{1,64}\Z")]
    schema: dict[str, Any] = {}
    description: Text | None = None
    strict: bool | None = None


class ResponseFormat(Struct, frozen=True, omit_defaults=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: ResponseSchema | None = None


class ChatRequest(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The body of POST /v1/chat/completions. Fields in the second part are accepted and have no effect here."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=2048)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    stop: (
        Annotated[str, Meta(max_length=256)]
        | Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=4)]
        | None
    ) = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Annotated[list[Tool], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None

    user: ShortText | None = None
    safety_identifier: ShortText | None = None
    metadata: dict[str, ShortText] | None = None
    store: bool | None = None
    reasoning_effort: ShortText | None = None
    verbosity: ShortText | None = None
    service_tier: ShortText | None = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_retention: ShortText | None = None
    prediction: dict[str, Any] | None = None
    modalities: list[ShortText] | None = None
    moderation: dict[str, Any] | None = None


class Usage(Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Delta(Struct, frozen=True, omit_defaults=True):
    """What one event adds to one choice."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Struct, frozen=True):
    index: int = 0
    delta: Delta = Delta()
    finish_reason: str | None = None
    """`stop`, `length`, `tool_calls`, `content_filter`."""
    logprobs: Raw | None = None
    """OpenAI's logprobs object as it came, or None."""


class Label(Struct, frozen=True):
    """The seven fields of the implicit label (GB 45438-2025, Annex E), on the wire under `AIGC`."""

    label: str = field(default="1", name="Label")
    content_producer: str = field(default="", name="ContentProducer")
    produce_id: str = field(default="", name="ProduceID")
    reserved_code1: str = field(default="", name="ReservedCode1")
    content_propagator: str = field(default="", name="ContentPropagator")
    propagate_id: str = field(default="", name="PropagateID")
    reserved_code2: str = field(default="", name="ReservedCode2")


class Media(Struct, frozen=True):
    """A file that a request is about, beside its texts. The server wrote it; nobody outside names a path."""

    path: str
    """Sound as 16 kHz mono 16-bit WAV; a picture as PNG or JPEG."""
    start_seconds: float = 0
    end_seconds: float = 0
    """0: to the end."""
    language: str = ""
    """ISO 639-1 code of the speech; "": to be found out."""
    translate: bool = False
    """Speech into English text."""
    windows: tuple[tuple[float, float], ...] = ()
    """For `voices`: the stretches in seconds, one vector each."""


class Word(Struct, frozen=True):
    text: str
    """With the blank before it, where its script has one: the words joined are the segment's text."""
    start_seconds: float
    end_seconds: float
    probability: float


class Segment(Struct, frozen=True):
    """A stretch of speech, about a sentence."""

    start_seconds: float
    end_seconds: float
    text: str
    words: tuple[Word, ...] = ()
    mean_log_probability: float = 0
    no_speech_probability: float = 0


class Spoken(Struct, frozen=True, tag="spoken"):
    """The times of a transcription. Seconds count from the file's beginning, also when a part of it was asked for."""

    segments: tuple[Segment, ...]
    language: str = ""
    seconds: float = 0

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


class Line(Struct, frozen=True):
    text: str
    box: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels."""
    score: float = 1


class Recognised(Struct, frozen=True, tag="recognised"):
    """The places of a recognised text."""

    lines: tuple[Line, ...]
    width: int = 0
    height: int = 0

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


class Vectors(Struct, frozen=True, tag="vectors"):
    """One vector a text or window, in order: 32-bit floats, little-endian, of length 1."""

    rows: tuple[bytes, ...]
    dimensions: int

    @property
    def text(self) -> str:
        return ""


Detail = Spoken | Recognised | Vectors
"""What an answer holds beside its text. It leaves the pipeline only if the text left as the engine gave it."""


class Chunk(Struct, frozen=True):
    """One event of an answer. A whole answer is a stream of one chunk; every engine yields these and nothing else."""

    choices: list[Choice] = []
    usage: Usage | None = None
    label: Label | None = None
    """Set by `labels.mark` on the first and the last chunk."""
    detail: Detail | None = None


class Generation(Struct, frozen=True):
    """What an engine is asked to do: the request with every limit already decided."""

    id: str
    model: Model
    chat: ChatRequest
    max_tokens: int
    media: Media | None = None


class Verdict(StrEnum):
    """What a policy says of a text, weakest first."""

    ALLOW = "allow"
    SCORE = "score"
    """Noted, and nothing else; several together may come to more."""
    STEER = "steer"
    """The model gets an instruction of the operator's with the request."""
    PSEUDONYMISE = "pseudonymise"
    """The model sees a placeholder, the person the original."""
    MASK = "mask"
    """What was found is covered up."""
    REPLACE = "replace"
    """A set answer stands in the place of the model's."""
    HOLD = "hold"
    """Nothing leaves until a person has decided."""
    REFUSE = "refuse"


class Decision(Struct, frozen=True):
    """A verdict is never a bool. `rule` and `reason` are public words; `spans` are (start, end) in characters of the
    text that was judged, never the text itself.
    """

    verdict: Verdict
    rule: str
    reason: str
    spans: tuple[tuple[int, int], ...] = ()
    policy: str = ""
    """Name and version of the policy that decided, `default@3f9a…`."""


class Status(StrEnum):
    """How a generation ended; the closing entry of the record carries it."""

    COMPLETED = "completed"
    REFUSED_INPUT = "refused_input"
    REFUSED_OUTPUT = "refused_output"
    TRUNCATED = "truncated"
    """The upstream ended without its terminator, or fell silent."""
    ENGINE_FAILED = "engine_failed"
    CANCELLED = "cancelled"
    """The client hung up or stopped."""
    REVOKED = "revoked"
    """The key or session ended while the answer ran."""
    NOT_SERVED = "not_served"
    """Unknown, untested or suspended model; no right; limit reached."""
    FAILED = "failed"


def new_id(kind: str) -> str:
    """A new identifier `kind_<32 hex>`: 48 bits of milliseconds, 80 random bits. Sorts by time, cannot be guessed."""
    try:
        tail = _tails.pop()
    except IndexError:
        pool = os.urandom(10 * _POOLED).hex()
        tail = pool[:20]
        _tails.extend(pool[start : start + 20] for start in range(20, len(pool), 20))
    return f"{kind}_{time.time_ns() // 1_000_000:012x}{tail}"


_POOLED = 256
_tails: deque[str] = deque()
"""Random bits fetched ahead: each call to the kernel lets go of the interpreter, which costs more than the bits."""
