"""A question answered from documents: found, answered by a model, checked sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hanlin.assistants.documents import citing, evidence, prompts
from hanlin.assistants.documents.content import Contents, Sentence, cited
from hanlin.assistants.documents.language import alike, language
from hanlin.assistants.documents.links import without_foreign_links
from hanlin.assistants.documents.records import Result, ResultKind, ResultState
from hanlin.assistants.documents.shelf import Shelf
from hanlin.assistants.documents.shown import Shown
from hanlin.errors import BadRequest
from hanlin.retrieval import Index
from hanlin.service import Calls
from hanlin.types import Actor, Message

QUESTION_CHARACTERS = 2000
HISTORY = 2
"""Earlier questions of a conversation that a model is shown."""
ANSWER_TOKENS = 400
VERIFIED_TOKENS = 20


class Scope(Struct, frozen=True):
    """What a question is about: some documents, a collection, or all that may be read."""

    documents: tuple[str, ...] = ()
    collection: str = ""


class Said(Struct, frozen=True):
    """What a model answers, as `prompts.ANSWER_SCHEMA` has it."""

    answer: str = ""
    sentences: tuple[int, ...] = ()
    answered: bool = False


class Asking:
    """Made once per server."""

    def __init__(self, shelf: Shelf, contents: Contents, shown: Shown, index: Index, calls: Calls) -> None:
        self._shelf = shelf
        self._contents = contents
        self._shown = shown
        self._index = index
        self._calls = calls

    async def ask(self, actor: Actor, question: str, scope: Scope, *, thread: str = "", service: str = "") -> Result:
        asked = _checked(question)
        before = await self._shown.thread(actor, thread) if thread else []
        if before:
            scope = Scope(before[0].scope, before[0].collection)
        spaces = await self._spaces(actor, scope)
        result = self._shown.new(ResultKind.ANSWER, (), asked=asked, scope=scope.documents, collection=scope.collection)
        result = replace(result, thread=before[0].id if before else result.id)
        answered = await self._answer(actor, result, spaces, before[-HISTORY:], service)
        return await self._shown.add(actor, answered)

    async def _spaces(self, actor: Actor, scope: Scope) -> list[str]:
        if scope.documents:
            return [each.id for each in await self._shelf.chosen(actor, scope.documents)]
        return await self._shelf.scope(actor, scope.collection)

    async def _answer(
        self, actor: Actor, result: Result, spaces: Sequence[str], before: Sequence[Result], service: str
    ) -> Result:
        """Find, ask, check by code, and ask once more whether what is cited answers the question.

        Where that fails, the sentence that is nearest to the question is tried as its answer.
        """
        result, sentences = await self._find(actor, result, spaces, before, service)
        names = {key: each.name for key, each in (await self._shelf.known(actor, result.documents)).items()}
        texts = [each.text for each in sentences]
        around = [*texts, *names.values(), *(each.heading for each in sentences)]
        if not sentences or not citing.names_are_known(result.asked, around):
            return _not_found(result)
        history = [(each.asked, each.text) for each in before]
        shown = evidence.numbered(sentences, names)
        messages = prompts.asked(shown, result.asked, language(result.asked), history)
        result, text = await self._say(actor, result, messages, service, ANSWER_TOKENS, prompts.ANSWER_SCHEMA)
        claims = await self._claims(actor, text, result.asked, texts)
        quoted = citing.quoted(result.asked, texts)
        for proposal in (claims, [quoted] if quoted and not history else []):
            result, stated = await self._is_stated(actor, result, proposal, sentences, before, service)
            if stated:
                return await self._done(result, proposal, sentences, names)
        return _not_found(result)

    async def _claims(self, actor: Actor, text: str, question: str, texts: Sequence[str]) -> list[citing.Claim]:
        """What of a model's answer the evidence bears."""
        try:
            said = msgspec.json.decode(text, type=Said, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError):  # cut by the ceiling or changed by a rule: nothing to check
            return []
        if not said.answered:
            return []
        answer = without_foreign_links(said.answer, *texts, question)
        proposed = [number for number in said.sentences if 1 <= number <= len(texts)]
        if len(proposed) > 1 and not alike(answer, texts[proposed[0] - 1]):
            near = await evidence.nearest(self._calls, actor, f"{question} {answer}", [texts[n - 1] for n in proposed])
            proposed = [proposed[place] for place in near]
        return citing.check(answer, question, texts, proposed)

    async def _is_stated(  # noqa: PLR0917 - one question
        self,
        actor: Actor,
        result: Result,
        claims: Sequence[citing.Claim],
        sentences: Sequence[Sentence],
        before: Sequence[Result],
        service: str,
    ) -> tuple[Result, bool]:
        """Whether what is cited, read with the sentences around it, states the answer."""
        if not claims:
            return result, False
        places = {number - 1 + step for claim in claims for number in claim.numbers for step in (-1, 0, 1)}
        text = "\n".join(each.text for place, each in enumerate(sentences) if place in places)
        messages = prompts.verified(text, result.asked, before[-1].asked if before else "")
        result, said = await self._say(actor, result, messages, service, VERIFIED_TOKENS, prompts.VERIFIED_SCHEMA)
        return result, '"yes"' in said

    async def _done(
        self, result: Result, claims: Sequence[citing.Claim], sentences: Sequence[Sentence], names: dict[str, str]
    ) -> Result:
        numbers = list(dict.fromkeys(number for claim in claims for number in claim.numbers))
        text = " ".join(_marked(claim, numbers) for claim in claims)
        citations = await cited(self._contents, [sentences[number - 1] for number in numbers], names)
        return replace(result, state=ResultState.DONE, text=text, citations=tuple(citations))

    async def _find(
        self, actor: Actor, result: Result, spaces: Sequence[str], before: Sequence[Result], service: str
    ) -> tuple[Result, tuple[Sentence, ...]]:
        """What is shown to the model; the result rests on all of it, and on what the answers before rest on."""
        query = " ".join([*[each.asked for each in before[-1:]], result.asked])
        tokens = evidence.budget(self._calls.route(actor, service).model.context_tokens)
        found, by_meaning = await evidence.find(self._index, self._calls, actor, spaces, query)
        if found and not alike(result.asked, found[0].passage.text):
            tokens *= 2  # words do not help to find across scripts, so the right passage stands further down
        sentences = await evidence.gather(self._contents, found, tokens)
        rests = [*(document for each in before for document in each.documents), *(each.document for each in sentences)]
        notices = () if by_meaning else ("no_vectors",)
        return replace(result, documents=tuple(dict.fromkeys(rests)), notices=notices), sentences

    async def _say(  # noqa: PLR0917 - one call
        self,
        actor: Actor,
        result: Result,
        messages: list[Message],
        service: str,
        tokens: int,
        schema: dict[str, object],
    ) -> tuple[Result, str]:
        answered = await self._calls.chat(actor, messages, service=service, max_tokens=tokens, schema=schema)
        requests = (*result.request_ids, answered.request_id)
        return replace(result, service=answered.service, request_ids=requests), answered.text


def _marked(claim: citing.Claim, numbers: Sequence[int]) -> str:
    """A claim with its marks, which count the citations."""
    return claim.text + "".join(f" [{numbers.index(number) + 1}]" for number in claim.numbers)


def _not_found(result: Result) -> Result:
    text = prompts.NOT_FOUND.get(language(result.asked), prompts.NOT_FOUND["en"])
    return replace(result, state=ResultState.DONE, text=text, found=False)


def _checked(question: str) -> str:
    asked = question.strip().replace("\0", "")
    if not 1 <= len(asked) <= QUESTION_CHARACTERS:
        raise BadRequest(
            f"A question has 1 to {QUESTION_CHARACTERS} characters, got {len(asked)}.",
            action="Ask in fewer words.",
            param="question",
        )
    return asked
