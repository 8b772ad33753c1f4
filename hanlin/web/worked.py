"""What was made of documents - answers, summaries, drafts - as the pages show it, each claim with its source."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from markupsafe import Markup

from hanlin.assistants.documents import Change, Citation, Piece, Result, ResultKind, ResultState
from hanlin.web import markdown
from hanlin.web.card import JobCard, card
from hanlin.web.respond import explain
from hanlin.web.visit import Visit

RECEIPTS = 30


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence that an answer rests on, with the address where it is seen."""

    number: int
    href: str
    name: str
    place: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Differing:
    """One place in which two versions differ."""

    before: str
    after: str
    place: str
    words: str


@dataclass(frozen=True, slots=True)
class Made:
    """A result as worked.html shows it."""

    id: str
    kind: str
    title: str
    state: str
    asked: str
    html: Markup
    sources: Sequence[Cited]
    changes: Sequence[Differing]
    pieces: Sequence[Piece]
    found: bool
    label: str
    receipts: Sequence[str]
    notices: Sequence[str]
    problem: str
    job: JobCard | None
    when: str


async def made(visit: Visit, results: Sequence[Result], then: str) -> list[Made]:
    """`then`: the page that shows them, which is fetched again when one that is being made is done."""
    jobs = {result.id: await _job(visit, result, then) for result in results}
    titles = {record.service.name: record.service.title for record in visit.rooms.registry.services(visit.actor)}

    def shown() -> list[Made]:
        return [_made(visit, result, jobs[result.id], titles) for result in results]

    return await asyncio.to_thread(shown)


async def _job(visit: Visit, result: Result, then: str) -> JobCard | None:
    if result.state is ResultState.DONE or not result.job:
        return None
    job = await visit.rooms.jobs.of(result.id)
    return card(visit, job, then=then, part=result.id) if job else None


def _made(visit: Visit, result: Result, job: JobCard | None, titles: dict[str, str]) -> Made:
    words = visit.words.documents
    hrefs = {citation.number: _href(result, citation) for citation in result.citations}
    done = result.state is ResultState.DONE
    return Made(
        id=result.id,
        kind=result.kind,
        title=getattr(words.kind, result.kind),
        state=result.state,
        asked=result.asked,
        html=markdown.render(result.text, hrefs) if result.text else Markup(),
        sources=[_cited(words, citation, hrefs[citation.number]) for citation in result.citations],
        changes=[_differing(words, change) for change in result.changes],
        pieces=result.pieces,
        found=result.found,
        label=visit.words.label.answer.format(name=titles.get(result.service) or result.service) if done else "",
        receipts=result.request_ids[:RECEIPTS],
        notices=told(words, result.notices, result.left_out),
        problem="" if job else explain(visit.words, result.code, result.problem, result.action),
        job=job,
        when=visit.when(result.created_at),
    )


def told(words: SimpleNamespace, notices: Sequence[str], left_out: int = 0) -> list[str]:
    """Sentences for the notices that there are words for."""
    known = (getattr(words.notice, notice, "") for notice in notices)
    return [sentence.format(count=f"{left_out:,}") for sentence in known if sentence]


def _href(result: Result, citation: Citation) -> str:
    query = f"page={citation.page}&cite={result.id}.{citation.number}"
    if result.kind is ResultKind.ANSWER:
        if result.scope != (citation.document,):
            return f"/documents/files/{citation.document}?{query}"
        return f"/documents/files/{citation.document}?{query}&tab=ask&thread={result.thread}"
    tab = result.kind if result.kind in ("summary", "points", "outline") else "text"
    return f"/documents/files/{citation.document}?{query}&tab={tab}"


def _cited(words: SimpleNamespace, citation: Citation, href: str) -> Cited:
    place = words.page_number.format(page=citation.page) if citation.page else ""
    return Cited(citation.number, href, citation.name, place, citation.sentence)


def _differing(words: SimpleNamespace, change: Change) -> Differing:
    pages = [str(page) if page else "–" for page in (change.page_before, change.page_after)]
    place = words.pages_differ.format(before=pages[0], after=pages[1]) if pages != ["–", "–"] else ""
    return Differing(change.before, change.after, place, change.words)
