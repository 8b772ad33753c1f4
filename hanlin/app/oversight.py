"""Where the pipeline meets the people who decide: suspensions, what waits for a review, and what decisions teach."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Literal

from hanlin.errors import HanlinError, NotAllowed
from hanlin.policy import Policies, Policy, Versions
from hanlin.policy.judging import ENDING
from hanlin.review import Attempt, Case, Desk, Ladder, NewCase, digest
from hanlin.service import Finished, Held, Request
from hanlin.types import Decision, Status, Verdict

log = logging.getLogger("hanlin")

REFRESH_SECONDS = 3
"""How soon what another server published, decided or imposed holds here."""
SAMPLE_CHARACTERS = 20_000


class Oversight:
    """Hands the pipeline what it needs of the review, and the policies what the review decided."""

    def __init__(self, policies: Policies, desk: Desk, ladder: Ladder) -> None:
        self._policies = policies
        self._desk = desk
        self._ladder = ladder

    def permit(self, request: Request) -> None:
        """Raise NotAllowed while who asks is suspended, with until when and why."""
        actor = request.actor
        sanction = self._ladder.standing(actor.person, request.end_user, actor.workspace)
        if sanction is None:
            return
        until = f" until {datetime.fromtimestamp(sanction.until, UTC):%Y-%m-%d %H:%M} UTC" if sanction.until else ""
        raise NotAllowed(
            f"This account is suspended{until}: {sanction.reason}",
            action="Object on the page /objections, or ask an owner of the workspace.",
            code="account_suspended",
        )

    async def hold(self, held: Held) -> str:
        """Open a case for what is held; its number, or "" when people let this very text pass before."""
        request, decision = held.request, held.decision
        actor = request.actor
        if held.stage == "input" and self._desk.released(actor.person, digest(decision.rule, held.text)):
            return ""
        policy = self._policy(decision)
        case = await self._desk.hold(
            actor,
            NewCase(
                kind="held_input" if held.stage == "input" else "held_output",
                workspace=actor.workspace,
                person=actor.person,
                end_user=request.end_user,
                request_id=request.id,
                service=held.service,
                policy=decision.policy,
                rule=decision.rule,
                category=policy.category_of(decision.rule),
                spans=decision.spans,
                text=held.text[:100_000],
            ),
            policy.file.review,
        )
        return case.id

    def note(self, finished: Finished) -> None:
        """Tell the ladder how a generation ended."""
        if not finished.decisions:
            return
        last = finished.decisions[-1]
        refused = finished.status in (Status.REFUSED_INPUT, Status.REFUSED_OUTPUT)
        try:
            policy = self._policy(last)
        except HanlinError:  # taken away meanwhile: nothing says whether it counts
            return
        actor = finished.actor
        self._ladder.note(
            Attempt(
                person=actor.person,
                workspace=actor.workspace,
                request_id=finished.request_id,
                refused=refused,
                ladder=policy.file.ladder,
                # what people have yet to decide is no offence, and of an answer the model is the author
                counts=finished.status is Status.REFUSED_INPUT
                and last.verdict is not Verdict.HOLD
                and policy.counts(last.rule),
                end_user=finished.end_user,
                key=actor.key,
                rule=last.rule,
                category=policy.category_of(last.rule),
            )
        )

    def _policy(self, decision: Decision) -> Policy:
        return self._policies.get(decision.policy.partition("@")[0])


async def learn(case: Case, policies: Policies, versions: Versions, ladder: Ladder) -> None:
    """Make a decided case a sample of the policies, and take an overturned refusal off the count.

    An upheld objection to an answer is no sample: its text is the question, which nobody said should be refused.
    """
    if case.outcome == "release":
        await ladder.overturn(case.person, case.request_id)
    if case.kind in ("held_input", "objection") and 0 < len(case.text) <= SAMPLE_CHARACTERS:
        if case.outcome == "uphold" and not _ends(policies, case):
            return
        expected: Literal["allow", "refuse"] = "allow" if case.outcome == "release" else "refuse"
        try:
            await versions.add_sample(
                case.text, expected, category=case.category, origin="decision", person=case.person
            )
        except HanlinError as error:  # the vote stands, whatever becomes of the sample
            log.warning("A decided case has not become a sample: %s", error.code)


def _ends(policies: Policies, case: Case) -> bool:
    """Whether the case's policy, as it is now, ends its text as input."""
    try:
        policy = policies.get(case.policy.partition("@")[0])
    except HanlinError:
        return False
    return policy.judge(case.text).verdict in ENDING


async def keep_up(versions: Versions, desk: Desk, ladder: Ladder) -> None:
    """Every few seconds, take over what other servers have published, released and imposed."""
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        for refresh in (versions.refresh, desk.refresh, ladder.refresh):
            try:
                await refresh()
            except HanlinError as error:
                log.warning("cannot take over what other servers decided: %s", error.code)
