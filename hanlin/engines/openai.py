"""Any OpenAI-compatible upstream as an engine: vLLM, SGLang, Ollama, hosted models.

A request is tried at most twice, and only while no byte of the answer has been passed on. Nothing the upstream says
but the generated answer, and never the key, reaches an error or a log.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from hanlin.engines.breaker import Breaker
from hanlin.engines.openai_answer import StreamedAnswer, UpstreamError, invalid, read_error_body, read_whole
from hanlin.engines.openai_options import key_reference, origin, preset, read_key
from hanlin.engines.openai_skills import Wire, wire_of
from hanlin.engines.protocol import Health
from hanlin.errors import BadRequest, EngineFailed, HanlinError, Misconfigured, NotServing, TooMany, nearest
from hanlin.net.client import Client
from hanlin.net.connection import Limits, Response
from hanlin.types import ChatRequest, Chunk, Generation, Model, Skill, StreamOptions

T = TypeVar("T")

OPTIONS = frozenset({"preset", "base_url", "model", "api_key"})
CHAT = "/chat/completions"
TRIES = 2
RETRY_AFTER_SECONDS = 5.0
"""A longer wait than this is passed on to the client instead of being waited out."""
TAIL_SECONDS = 5.0
"""How long the usage may follow the last finish_reason."""
ERROR_BODY_BYTES = 64 * 1024
WHOLE_BODY_BYTES = 16 * 1024 * 1024

# What governance owns (who asks, what is kept, what is filtered) or what no policy here reads (sound) is not sent on.
WITHHELD: dict[str, Any] = {
    "user": None,
    "safety_identifier": None,
    "metadata": None,
    "store": None,
    "moderation": None,
    "modalities": None,
    "prediction": None,  # text that no policy has read
    "service_tier": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "max_tokens": None,
    "max_completion_tokens": None,
    "stream_options": None,
}
ERROR_WORDS = {
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
}
UPSTREAM_IS_WELL = frozenset({"upstream_auth", "upstream_model_not_found", "upstream_address_refused"})
"""Failures that the breaker does not count: the operator's to mend, and resting would hide them."""
WITH_USAGE = StreamOptions(include_usage=True)


class OpenAIEngine:
    """One model of one upstream.

    The model's options: `preset` (a name in presets.py) or `base_url`; `model` (its name there, default: ours);
    `api_key` (`env:NAME` or `file:/path`). `trusted`: the operator wrote this model into the settings file, or its
    host into `upstream_hosts`, so that it may be private and without TLS.
    Raises Misconfigured when an option is not as expected.
    """

    def __init__(
        self,
        model: Model,
        *,
        trusted: bool = False,
        upstream_hosts: Collection[str] = (),
        limits: Limits | None = None,
        breaker: Breaker | None = None,
        retry_seconds: float = 0.5,
    ) -> None:
        unknown = sorted(set(model.options) - OPTIONS)
        if unknown:
            raise Misconfigured(
                f"Model {model.name!r} has an unknown option {unknown[0]!r}.", action=nearest(unknown[0], OPTIONS)
            )
        self.model = model
        self._preset = preset(model)
        self._origin = origin(model, self._preset)
        self._trusted = trusted or self._origin.host in upstream_hosts
        self._key_reference = key_reference(model, self._preset)
        self._limits = limits or Limits()
        self._breaker = breaker or Breaker()
        self._retry_seconds = retry_seconds
        self._name = str(model.options.get("model") or model.name)
        self._wire: Wire | None = None if model.skill is Skill.CHAT else wire_of(model, self._name)
        self._client: Client | None = None
        self._heads: dict[str, bytes] = {}

    async def start(self) -> None:
        """Read the key. Connects to nothing. Raises Misconfigured."""
        key = await asyncio.to_thread(read_key, self._key_reference)
        client = await asyncio.to_thread(Client, self._origin, trusted=self._trusted, limits=self._limits)
        headers = {"content-type": "application/json", "user-agent": "hanlin"}
        paths: tuple[str, ...] = (CHAT,)
        if self._wire is not None:
            headers["content-type"], paths = self._wire.content_type, self._wire.paths
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._heads = {path: client.prepare(path, headers) for path in paths}
        self._client = client

    async def stop(self) -> None:
        """Close every connection; answers that run end with an error."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def health(self) -> Health:
        if self._client is None:
            return Health(ready=False, detail="not started")
        failures = self._breaker.failures
        return Health(ready=not self._breaker.resting, detail=f"{failures} failures in a row" if failures else "")

    async def generate(self, job: Generation) -> AsyncGenerator[Chunk, None]:
        """The upstream's answer. Closing the generator closes the upstream's socket at once.

        Raises BadRequest, EngineFailed, EngineTimeout, NotServing or TooMany.
        """
        self._breaker.admit()
        try:
            chunks, answer = await self._begin(job)
            if answer is None:
                yield chunks[0]
            else:
                try:
                    while chunks:
                        for chunk in chunks:
                            yield chunk
                        chunks = await answer.more()
                finally:
                    answer.close()
        except EngineFailed as failure:
            if failure.code not in UPSTREAM_IS_WELL:
                self._breaker.record(failed=True)
            raise
        self._breaker.record(failed=False)

    def _request(self, job: Generation) -> ChatRequest:
        changes = {**WITHHELD, "model": self._name, self._preset.max_tokens_field: job.max_tokens}
        if job.chat.stream and self._preset.stream_usage:
            changes["stream_options"] = WITH_USAGE
        return replace(job.chat, **changes)

    async def _begin(self, job: Generation) -> tuple[list[Chunk], Answer | None]:
        """The first chunks, and if it is a stream what the others come from."""
        if self._wire is not None:
            return [await self._ask(self._wire, job)], None
        body = msgspec.json.encode(self._request(job))
        return await self._persist(lambda: self._try(job, body))

    async def _ask(self, wire: Wire, job: Generation) -> Chunk:
        """The answer for another skill than chat, whole."""
        bodies = []
        for path, body in await asyncio.to_thread(list, wire.requests(job)):
            try:
                bodies.append(await self._persist(partial(self._exchange, path, body)))
            except BadRequest:
                if bodies or not wire.plainer():
                    raise
                return await self._ask(wire, job)
        return await asyncio.to_thread(wire.read, bodies, job)

    async def _persist(self, once: Callable[[], Awaitable[T]]) -> T:
        """What `once` gives; what failed before a byte of the answer was passed on is tried once more if that helps."""
        for _ in range(TRIES - 1):
            try:
                return await once()
            except TooMany as failure:
                if failure.retry_after_seconds > RETRY_AFTER_SECONDS:
                    raise
                pause = failure.retry_after_seconds
            except EngineFailed as failure:
                if not failure.retryable:
                    raise
                pause = 0.0
            await asyncio.sleep(pause + self._retry_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spread, no secret
        return await once()

    async def _exchange(self, path: str, body: bytes) -> bytes:
        """The body of a whole answer."""
        response = await self._post(path, body, self._limits.total_seconds)
        try:
            if response.status != 200:
                await self._refuse(response)
            return await response.whole(WHOLE_BODY_BYTES)
        finally:
            response.close()

    async def _post(self, path: str, body: bytes, first_byte_seconds: float) -> Response:
        if self._client is None:
            raise NotServing(f"Model {self.model.name!r} is not started.", action="Try again in a moment.")
        try:
            return await self._client.post(self._heads[path], body, first_byte_seconds=first_byte_seconds)
        except BadRequest as refusal:
            raise EngineFailed(refusal.message, action=refusal.action, code="upstream_address_refused") from None

    async def _try(self, job: Generation, body: bytes) -> tuple[list[Chunk], Answer | None]:
        # Without streaming the head comes when the whole answer is ready.
        wait = self._limits.first_byte_seconds if job.chat.stream else self._limits.total_seconds
        response = await self._post(CHAT, body, wait)
        try:
            if response.status != 200:
                await self._refuse(response)
            choices, logprobs = job.chat.n or 1, bool(job.chat.logprobs)
            if _is_streamed(response.headers.get(b"content-type"), job.chat.stream):
                answer = Answer(response, StreamedAnswer(choices, logprobs=logprobs))
                return await answer.more(), answer
            return [read_whole(await response.whole(WHOLE_BODY_BYTES), choices, logprobs=logprobs)], None
        except UpstreamError as failure:
            response.close()
            raise self._failure(_status_of(failure.error), None, failure.error) from None
        except BaseException:
            response.close()
            raise

    async def _refuse(self, response: Response) -> None:
        """Raise the error of a status that is not 200. Only a refusal of the request is read for the field it names."""
        error: dict[str, Any] = {}
        if response.status in (400, 422):
            try:
                error = read_error_body(await response.whole(ERROR_BODY_BYTES, min(2.0, self._limits.idle_seconds)))
            except EngineFailed:
                error = {}
        raise self._failure(response.status, response.headers.get(b"retry-after"), error)

    def _failure(self, status: int, retry_after: bytes | None, error: dict[str, Any]) -> HanlinError:
        name = self.model.name
        if status in (400, 413, 422):
            named = error.get("param")
            param = named if named in ChatRequest.__struct_fields__ else None
            return BadRequest(
                f"The upstream of model {name!r} did not accept the request (status {status}).",
                action=f"Check the field {param!r}." if param else "Check the request's fields and length.",
                code="upstream_rejected",
                param=param,
            )
        if status == 429:
            return TooMany(
                f"The upstream of model {name!r} takes no more requests now.",
                retry_after_seconds=_seconds(retry_after),
                code="upstream_rate_limited",
                action="Try again later.",
            )
        if status in (401, 402, 403):
            return EngineFailed(
                f"The upstream of model {name!r} refused our key (status {status}).",
                action="The operator must check the key and its account.",
                code="upstream_auth",
            )
        if status == 404:
            return EngineFailed(
                f"The upstream of model {name!r} does not know that model or address.",
                action="The operator must check the options `base_url` and `model`.",
                code="upstream_model_not_found",
            )
        return EngineFailed(
            f"The upstream of model {name!r} failed (status {status}).",
            action="Try again in a moment.",
            code="upstream_failed",
            retryable=status in (500, 502, 503, 504),
        )


class Answer:
    """One stream as it comes, in batches: what is there is handed on without another wait."""

    __slots__ = ("_ended", "_failure", "_response", "_stream")

    def __init__(self, response: Response, stream: StreamedAnswer) -> None:
        self._response = response
        self._stream = stream
        self._ended = False
        self._failure: EngineFailed | None = None

    async def more(self) -> list[Chunk]:
        """The next chunks; none at the end only. What came before a failure is handed on before that is raised.

        Raises EngineFailed, EngineTimeout, or UpstreamError for an error object in the place of the first chunk.
        """
        if self._failure is not None:
            raise self._failure
        chunks: list[Chunk] = []
        stream = self._stream
        try:
            while not chunks and not self._ended:
                piece = await (self._tail() if stream.finished else self._response.read())
                if piece:
                    stream.feed(piece, chunks)
                if stream.done or not piece:
                    chunks += stream.end()
                    self._ended = True
        except (EngineFailed, UpstreamError) as failure:
            if not chunks and not stream.started:
                raise
            self._failure = _within_answer(failure)
            if not chunks:
                raise self._failure from None
        return chunks

    async def _tail(self) -> bytes:
        try:
            return await self._response.read(TAIL_SECONDS)
        except EngineFailed:
            return b""  # every choice had ended: only the usage is missing

    def close(self) -> None:
        """Keep the connection when the answer ended in order, else close it at once."""
        if self._ended and self._failure is None:
            self._response.finish()
        else:
            self._response.close()


def _is_streamed(content_type: bytes | None, wanted: bool) -> bool:
    """Whether the body is an event stream; some servers answer a wish for one with a whole answer.

    Raises EngineFailed when it is neither, or a stream nobody asked for.
    """
    if not content_type:
        return wanted
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/json":
        return False
    if kind == b"text/event-stream" and wanted:
        return True
    raise invalid("answered in a form that was not asked for")


def _within_answer(failure: EngineFailed | UpstreamError) -> EngineFailed:
    if isinstance(failure, EngineFailed):
        return failure
    return EngineFailed("The upstream broke off its answer with an error.", code="upstream_failed")


def _status_of(error: dict[str, Any]) -> int:
    """The HTTP status that an error object inside a 200 stands for; 500 when it does not say."""
    for word in (error.get("code"), error.get("type")):
        number = int(word) if isinstance(word, int) or (isinstance(word, str) and word.isdecimal()) else 0
        if 400 <= number < 600:
            return number
        if isinstance(word, str) and word in ERROR_WORDS:
            return ERROR_WORDS[word]
    return 500


def _seconds(retry_after: bytes | None) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: a number or a date); 1 when there is none."""
    text = (retry_after or b"1").decode("latin-1")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return 1.0
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else 1.0  # noqa: PLR0124 - NaN
