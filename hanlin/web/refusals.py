"""What a refused or suspended person is told in the chat, and what they can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import msgspec

from hanlin.assistants.chat import Message, State
from hanlin.errors import NotFound
from hanlin.policy import Policy
from hanlin.review import Case, Sanction
from hanlin.types import Actor, Permission
from hanlin.web.reasons import risk_name, rule_reason
from hanlin.web.visit import Visit

HELD, SUSPENDED = "held_for_review", "account_suspended"
"""Codes of the errors that are not simply a refusal."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in a bubble; addresses are "" where that cannot be done."""

    title: str
    text: str
    reason: str = ""
    """Of the rule, in public words."""
    edit: str = ""
    ask: str = ""
    case: str = ""
    follow: str = ""
    """What the link to the case says."""
    again: bool = False
    """The same may be sent again now."""


def oneself(actor: Actor) -> Actor:
    """The actor without a reviewer's sight: what the desk shows is then their own, as the person concerned."""
    return msgspec.structs.replace(actor, permissions=actor.permissions - {Permission.REVIEW})


async def refusals(visit: Visit, messages: Sequence[Message]) -> dict[str, Refusal]:
    """What to say of those of the messages that were refused, by message id."""
    refused = [one for one in messages if one.state is State.REFUSED or one.code == SUSPENDED]
    if not refused:
        return {}
    cases = await visit.rooms.desk.cases(oneself(visit.actor))
    known = {case.request_id: case for case in reversed(cases)}
    return {one.id: _refusal(visit, one, known.get(one.request_id)) for one in refused}


def suspension(visit: Visit, sanction: Sanction) -> str:
    """Until when, and why, in the reader's words."""
    words = visit.words
    until = words.review.until.format(when=visit.when(sanction.until)) if sanction.until else words.review.for_good
    return str(words.review.until_why.format(until=until, why=why(words, sanction)))


def why(words: SimpleNamespace, sanction: Sanction) -> str:
    """Why a sanction was imposed: a reviewer's words, or how many refusals led to it."""
    return str(words.review.by_ladder.format(count=len(sanction.requests))) if sanction.requests else sanction.reason


def _refusal(visit: Visit, message: Message, case: Case | None) -> Refusal:
    if message.code == SUSPENDED:
        return _suspended(visit)
    if message.code == HELD or (case is not None and case.kind != "objection"):
        return _held(visit, message, case)
    chat = visit.words.chat
    about = f"conversation={message.conversation_id}&message={message.id}"
    return Refusal(
        title=chat.refused,
        text=chat.refused_text.format(rule=message.rule) if message.rule else chat.refused_output,
        reason=_reason(visit, message),
        edit=_edit(message),
        ask="" if case else f"/objections/new?{about}",
        case=f"/objections/{case.id}" if case else "",
        follow=_follow(visit, case) if case else "",
    )


def _held(visit: Visit, message: Message, case: Case | None) -> Refusal:
    words = visit.words
    if case is None:  # the same text waits already, under an earlier request
        told = Refusal(words.review.held, words.review.held_text)
        return replace(told, case="/objections", follow=words.review.mine)
    if case.kind == "held_output":
        told = Refusal(words.review.withheld, words.review.withheld_text)
    elif case.outcome:
        passed = case.outcome == "release"
        text = words.review.held_released if passed else words.review.held_upheld
        told = Refusal(words.review.held_over, text, edit="" if passed else _edit(message), again=passed)
    else:
        told = Refusal(words.review.held, words.review.held_text, edit=_edit(message))
    return replace(told, case=f"/objections/{case.id}", follow=_follow(visit, case))


def _suspended(visit: Visit) -> Refusal:
    words, actor = visit.words, visit.actor
    sanction = visit.rooms.ladder.standing(actor.person, "", actor.workspace)
    if sanction is None:
        return Refusal(words.review.suspension_over, words.review.suspension_over_text, again=True)
    text = suspension(visit, sanction)
    return Refusal(words.review.suspended, text, case="/objections", follow=words.review.suspended_object)


def _edit(message: Message) -> str:
    return f"/chat/{message.conversation_id}?edit={message.id}"


def _follow(visit: Visit, case: Case) -> str:
    return str(getattr(visit.words.review.follow, case.outcome or case.state))


def _reason(visit: Visit, message: Message) -> str:
    policy = serving_policy(visit, message.service)
    if policy is None or not message.rule:
        return ""
    named = (risk_name(policy.category_of(message.rule), visit.language), rule_reason(policy, message.rule))
    return " · ".join(filter(None, named))


def serving_policy(visit: Visit, name: str) -> Policy | None:
    """The policy that judges this service for the visitor; None when one of them is gone."""
    services = visit.rooms.registry.services(visit.actor)
    service = next((record.service for record in services if record.service.name == name), None)
    try:
        return visit.rooms.policies.choose(service, visit.actor) if service else None
    except NotFound:
        return None
