"""What is new in a collection, as one text: the source of a saved task."""

from __future__ import annotations

from hanlin.assistants.documents import prompts
from hanlin.assistants.documents.asking import ANSWER_TOKENS
from hanlin.assistants.documents.content import Contents
from hanlin.assistants.documents.extract import best
from hanlin.assistants.documents.language import mostly
from hanlin.assistants.documents.links import without_foreign_links
from hanlin.assistants.documents.records import Digest, Document, DocumentState
from hanlin.assistants.documents.shelf import LISTED, Shelf
from hanlin.assistants.documents.summarising import lines
from hanlin.service import Calls
from hanlin.types import Actor

MOST_DOCUMENTS = 50
DOCUMENT_TOKENS = 1200
"""Of one document's best sentences that the model is shown."""


async def digest(  # noqa: PLR0917 - one of each
    shelf: Shelf, contents: Contents, calls: Calls, actor: Actor, collection: str, since: int, wanted: str, service: str
) -> Digest:
    """One call of the model for each new document, the newest MOST_DOCUMENTS of them; the others are named."""
    title = (await shelf.collection(actor, collection)).name
    new = await _new(shelf, actor, collection, since)
    texts, requests, served = [], [], service
    for document in new[:MOST_DOCUMENTS]:
        sentences = await contents.sentences(document.id)
        excerpt = best(sentences, DOCUMENT_TOKENS, wanted)
        language = mostly([wanted] if wanted else [each.text for each in excerpt])
        messages = prompts.summarised("\n".join(lines(excerpt)), "bullets", wanted, language, 400)
        answered = await calls.chat(actor, messages, service=service, max_tokens=ANSWER_TOKENS)
        text = without_foreign_links(answered.text.strip(), "\n".join(each.text for each in sentences), wanted)
        texts.append(f"## {_name(document)}\n\n{text}")
        requests.append(answered.request_id)
        served = answered.service
    texts += [f"- {_name(document)}" for document in new[MOST_DOCUMENTS:]]
    return Digest(
        title=title, text="\n\n".join(texts), request_ids=tuple(requests), service=served if new else "", items=len(new)
    )


async def _new(shelf: Shelf, actor: Actor, collection: str, since: int) -> list[Document]:
    """Documents that came after a time and were read, newest first."""
    found: list[Document] = []
    while page := await shelf.documents(actor, collection, after=found[-1].id if found else "", limit=LISTED):
        found += page
        if page[-1].created_at <= since or len(page) < LISTED:
            break
    return [each for each in found if each.created_at > since and each.state is DocumentState.READY]


def _name(document: Document) -> str:
    return " ".join((document.title or document.name).replace("[", "(").replace("]", ")").split())
