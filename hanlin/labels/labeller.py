"""The implicit label (GB 45438-2025, Annex E) on every answer: one label, on its first and its last chunk."""

from __future__ import annotations

from hanlin.labels.provider_code import check_social_credit_code, provider_code
from hanlin.labels.wire import header
from hanlin.types import Chunk, Label, Model, Route

_ALLOWED = frozenset(map(chr, range(0x21, 0x7F))) - {'"', "\\"}
"""Annex E j): printable ASCII without space, quote and backslash."""
_UNNAMED = "unnamed-operator"


class Marker:
    """Labels the chunks of one answer."""

    __slots__ = ("_begun", "label")

    def __init__(self, label: Label) -> None:
        self.label = label
        self._begun = False

    def mark(self, chunk: Chunk) -> Chunk:
        """The chunk with the label if it is the first, finishes a choice or carries the usage; else the same object."""
        if self._begun and chunk.usage is None:
            for choice in chunk.choices:
                if choice.finish_reason is not None:
                    break
            else:
                return chunk
        self._begun = True
        return Chunk(chunk.choices, chunk.usage, self.label)


class Labeller:
    """Makes the labels of one operator."""

    def __init__(self, operator: str, social_credit_code: str = "") -> None:
        """Without a code the operator's name stands in the label, and `placeholder` is True: no public service then.

        Raises Misconfigured for a code with a wrong character or check digit.
        """
        self.placeholder = not social_credit_code
        if social_credit_code:
            check_social_credit_code(social_credit_code)
        self._social_credit_code = social_credit_code
        self._name = "".join(character for character in operator if character in _ALLOWED) or _UNNAMED
        self._providers: dict[str, tuple[str, str]] = {}

    def begin(self, route: Route, request_id: str) -> Marker:
        """What marks the answer to one request."""
        return Marker(self.aigc(route, request_id))

    def aigc(self, route: Route, request_id: str) -> Label:
        """The label of an answer. At first writing the producer is the propagator too (Annex E, note 1)."""
        producer, propagator = self._providers.get(route.model.code) or self._remember(route.model)
        number = request_id.partition("_")[2] or request_id
        return Label("1", producer, number, "", propagator, number, "")

    def producer(self, model_code: str) -> str:
        """Who generates with the model of this code."""
        return provider_code(self._social_credit_code, model_code) if not self.placeholder else self._name

    def propagator(self) -> str:
        """Who passes on what others made (service type 2, no model)."""
        return provider_code(self._social_credit_code, "0000", "propagation") if not self.placeholder else self._name

    def is_ours(self, producer: str) -> bool:
        """Whether a label's producer is this operator, with whichever model."""
        if self.placeholder:
            return producer == self._name
        return producer[:22] == f"0011{self._social_credit_code}"

    def header(self, label: Label) -> str:
        """The value of `X-AIGC-Label` for an answer's label."""
        return header(label)

    def _remember(self, model: Model) -> tuple[str, str]:
        if self.placeholder:
            return self._name, self._name
        code = self._social_credit_code
        both = provider_code(code, model.code, "generation"), provider_code(code, model.code, "propagation")
        self._providers[model.code] = both
        return both
