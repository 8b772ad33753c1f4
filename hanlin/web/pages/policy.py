"""Console: one policy, its rules in words, its versions, and terms added to a rule."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from msgspec.structs import replace

from hanlin.errors import NotFound
from hanlin.policy import PolicyFile
from hanlin.policy.file import Term, parse, spelling, write
from hanlin.policy.versions import PolicyVersion
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.pages.policy_editor import Outcome, propose
from hanlin.web.proposal import DiffLine, Effect, diff_lines
from hanlin.web.respond import headers, page, redirect
from hanlin.web.rulebook import Chapter, chapters, settings, term_count
from hanlin.web.visit import Admitted, Form, Visit, allow

READ = allow(Permission.REVIEW)
WRITE = allow(Permission.WRITE_POLICY)


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: str
    when: str
    who: str
    note: str
    serving: bool


@dataclass(frozen=True, slots=True)
class Addition:
    """The form "add terms" as it was sent."""

    rule: str = ""
    terms: str = ""
    source: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """Variables of policy.html."""

    frame: Frame
    name: str
    title: str
    version: str
    terms: str
    chapters: Sequence[Chapter]
    settings: Sequence[tuple[str, str]]
    lists: Sequence[str]
    """Names of the rules that terms can be added to."""
    versions: Sequence[VersionRow]
    before: str
    after: str
    difference: Sequence[DiffLine] | None
    """None: no two versions were chosen."""
    writable: bool
    addition: Addition
    effect: Effect | None
    problem: str


@get("/console/policies/{name:str}", opt=READ)
async def policy_page(
    visit: Admitted, name: FromPath[str], before: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[str]:
    return await _show(visit, name, before=before, after=after)


@get("/console/policies/{name:str}/source", opt=WRITE)
async def source(visit: Admitted, name: FromPath[str], version: FromQuery[str] = "") -> Response[bytes]:
    """A version as TOML, the serving one by default, to keep or to change elsewhere."""
    version = version or visit.rooms.policies.get(name).version
    text = await visit.rooms.versions.source(name, version)
    disposition = {"Content-Disposition": f'attachment; filename="{name}-{version}.toml"'}
    return Response(text.encode(), media_type="application/toml", headers={**headers(visit), **disposition})


@post("/console/policies/{name:str}/roll-back", opt=WRITE, status_code=200)
async def roll_back(visit: Admitted, name: FromPath[str]) -> Response[str]:
    """Let an earlier version serve again."""
    await visit.rooms.versions.roll_back(visit.actor, name, visit.form["version"])
    return redirect(visit, f"/console/policies/{name}")


@post("/console/policies/{name:str}/terms", opt=WRITE, status_code=200)
async def add_terms(visit: Admitted, name: FromPath[str]) -> Response[str]:
    """Preview, or publish, what the serving version comes to with more terms in one of its rules."""
    serving = visit.rooms.policies.get(name)
    addition = _addition(visit.form)
    text = await asyncio.to_thread(_with_terms, await visit.rooms.versions.source(name), addition)
    if not text:
        return await _show(visit, name, addition=addition, outcome=Outcome(problem=visit.words.policies.no_terms))
    outcome = await propose(visit, name, text, visit.form["seen_version"] or serving.version)
    if outcome.published:
        return redirect(visit, f"/console/policies/{name}")
    return await _show(visit, name, addition=addition, outcome=outcome)


def _addition(form: Form) -> Addition:
    return Addition(form["rule"], form["terms"], form["source"].strip(), form["reason"].strip(), form["note"])


def _with_terms(text: str, addition: Addition) -> str:
    """The policy with the terms that its rule does not have yet; "" when there are none. Raises NotFound."""
    file = parse(text)
    rule = next((rule for rule in file.rules if rule.name == addition.rule), None)
    if rule is None:
        raise NotFound(f"No word list named {addition.rule[:64]!r}.")
    known = {spelling(term) for term in rule.terms}
    wanted = dict.fromkeys(line.strip() for line in addition.terms.splitlines())
    added = [_term(term, addition) for term in wanted if term and term not in known]
    if not added:
        return ""
    grown = replace(rule, terms=(*rule.terms, *added))
    rules = tuple(grown if each is rule else each for each in file.rules)
    return write(replace(file, rules=rules))


def _term(term: str, addition: Addition) -> str | Term:
    if addition.source or addition.reason:
        return Term(term, source=addition.source, reason=addition.reason)
    return term


async def _show(
    visit: Visit,
    name: str,
    *,
    before: str = "",
    after: str = "",
    addition: Addition | None = None,
    outcome: Outcome | None = None,
) -> Response[str]:
    rooms, actor, words = visit.rooms, visit.actor, visit.words.policies
    policy = rooms.policies.get(name)
    file: PolicyFile = policy.file
    versions = await rooms.versions.list(actor, name)
    difference = None
    if before and after:
        difference = diff_lines(await rooms.versions.difference(actor, name, before, after))
    outcome = outcome or Outcome()
    context = PolicyContext(
        frame=visit.frame(),
        name=name,
        title=file.title or name,
        version=policy.version,
        terms=f"{term_count(file):,}",
        chapters=chapters(file, words, visit.language),
        settings=settings(file, words),
        lists=[rule.name for rule in file.rules],
        versions=await _versions(visit, versions),
        before=before or next((each.version for each in versions if not each.serving), policy.version),
        after=after or policy.version,
        difference=difference,
        writable=Permission.WRITE_POLICY in actor.permissions,
        addition=addition or Addition(),
        effect=outcome.effect,
        problem=outcome.problem,
    )
    if addition is not None:
        status = outcome.status if not visit.swaps else 200  # htmx shows a failure elsewhere, far from the form
        return page(visit, "policy.html", context, block="effect" if visit.swaps else "", status=status)
    return page(visit, "policy.html", context, block="difference" if visit.swaps else "")


async def _versions(visit: Visit, versions: Sequence[PolicyVersion]) -> list[VersionRow]:
    names = {person: await _name(visit, person) for person in {each.person for each in versions}}
    return [
        VersionRow(each.version, visit.when(each.at), names[each.person], each.note, each.serving) for each in versions
    ]


async def _name(visit: Visit, person: str) -> str:
    """Who published a version; people of other workspaces, and those who have gone, stay unnamed."""
    if not person:
        return str(visit.words.policies.from_folder)
    if visit.person and person == visit.person.id:
        return visit.person.name
    if Permission.MANAGE_PEOPLE in visit.actor.permissions:
        try:
            return (await visit.rooms.accounts.people.get(visit.actor, person)).name
        except NotFound:
            pass
    return str(visit.words.policies.somebody)


HANDLERS = [policy_page, source, roll_back, add_terms]
