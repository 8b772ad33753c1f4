from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from jinja2 import meta, nodes

from hanlin.web.card import JobCard
from hanlin.web.frame import Frame, Viewer
from hanlin.web.judged import Bar as Likely
from hanlin.web.judged import HitRow, Piece, Trial
from hanlin.web.pages.account import AccountContext
from hanlin.web.pages.audit import AuditContext, EntryRow
from hanlin.web.pages.chat import Bubble, ChatContext, Choice, Day, ProgressContext
from hanlin.web.pages.document import DocumentContext, Pager, PartRow, Rect, Tab, TableRow
from hanlin.web.pages.document import EntryRow as OutlineRow
from hanlin.web.pages.documents import AnswersContext, Conversation, DocumentRow, DocumentsContext
from hanlin.web.pages.documents import HitRow as Passage
from hanlin.web.pages.entry import SignInContext, WelcomeContext
from hanlin.web.pages.incidents import IncidentContext, IncidentsContext, StepRow
from hanlin.web.pages.keys import KeyRow, KeysContext
from hanlin.web.pages.models import ModelRow, ModelsContext
from hanlin.web.pages.objections import MyCaseContext, ObjectionContext, ObjectionsContext, OwnSanction
from hanlin.web.pages.people import PeopleContext
from hanlin.web.pages.policies import Asked, AssignmentRow, PoliciesContext, PolicyRow
from hanlin.web.pages.policy import Addition, PolicyContext, VersionRow
from hanlin.web.pages.policy_editor import EditorContext
from hanlin.web.pages.receipts import ReceiptContext
from hanlin.web.pages.review import Bar, CaseContext, CaseRow, Figure, ReviewContext, VoteRow
from hanlin.web.pages.sanctions import SanctionsContext
from hanlin.web.pages.services import ServiceRow, ServicesContext
from hanlin.web.pages.usage import UsageContext, UsageRow
from hanlin.web.pages.verify import Row, VerifyContext
from hanlin.web.pages.writing import Pick, ResultContext, WriteContext
from hanlin.web.proposal import ChangeRow, DiffLine, Effect
from hanlin.web.refusals import Refusal
from hanlin.web.render import HERE, environment
from hanlin.web.respond import ErrorContext
from hanlin.web.rulebook import Chapter, RuleRow, TermRow
from hanlin.web.worked import Cited, Differing, Made

CONTEXTS = {
    "account.html": AccountContext,
    "audit.html": AuditContext,
    "case.html": CaseContext,
    "chat.html": ChatContext,
    "document.html": DocumentContext,
    "documents.html": DocumentsContext,
    "documents_answers.html": AnswersContext,
    "documents_result.html": ResultContext,
    "documents_write.html": WriteContext,
    "error.html": ErrorContext,
    "incident.html": IncidentContext,
    "incidents.html": IncidentsContext,
    "keys.html": KeysContext,
    "models.html": ModelsContext,
    "my_case.html": MyCaseContext,
    "objection.html": ObjectionContext,
    "objections.html": ObjectionsContext,
    "people.html": PeopleContext,
    "policies.html": PoliciesContext,
    "policy.html": PolicyContext,
    "policy_editor.html": EditorContext,
    "receipt.html": ReceiptContext,
    "review.html": ReviewContext,
    "sanctions.html": SanctionsContext,
    "services.html": ServicesContext,
    "sign_in.html": SignInContext,
    "usage.html": UsageContext,
    "verify.html": VerifyContext,
    "welcome.html": WelcomeContext,
}
PARTS = {"layout.html", "plain.html", "console.html", "parts.html", "message.html", "progress.html", "review_tabs.html"}
PARTS |= {"policy_parts.html", "documents_parts.html", "worked.html", "job.html", "uploads.html", "workbench.html"}
ROWS: dict[str, tuple[str, Any]] = {
    "policy": ("policies.html", PolicyRow),
    "given": ("policies.html", AssignmentRow),
    "asked": ("policies.html", Asked),
    "result": ("policies.html", Trial),
    "hit": ("policies.html", HitRow),
    "likely": ("policies.html", Likely),
    "piece": ("policy_parts.html", Piece),
    "chapter": ("policy.html", Chapter),
    "rule": ("policy.html", RuleRow),
    "term": ("policy.html", TermRow),
    "one": ("policy.html", VersionRow),
    "addition": ("policy.html", Addition),
    "effect": ("policy_parts.html", Effect),
    "change": ("policy_parts.html", ChangeRow),
    "line": ("policy_parts.html", DiffLine),
    "key": ("keys.html", KeyRow),
    "model": ("models.html", ModelRow),
    "entry": ("audit.html", EntryRow),
    "message": ("message.html", Bubble),
    "refusal": ("message.html", Refusal),
    "figure": ("review.html", Figure),
    "bar": ("review.html", Bar),
    "case": ("review.html", CaseRow),
    "vote": ("case.html", VoteRow),
    "step": ("incident.html", StepRow),
    "sanction": ("objections.html", OwnSanction),
    "day": ("chat.html", Day),
    "choice": ("chat.html", Choice),
    "service": ("services.html", ServiceRow),
    "row": ("usage.html", UsageRow),
    "finding_row": ("verify.html", Row),
    "job": ("job.html", JobCard),
    "source": ("worked.html", Cited),
    "pager": ("document.html", Pager),
    "rect": ("document.html", Rect),
    "block": ("document.html", PartRow),
    "entry_row": ("document.html", OutlineRow),
    "table": ("document.html", TableRow),
    "pick": ("documents_write.html", Pick),
    "talk": ("documents_parts.html", Conversation),
    "tab_row": ("documents_parts.html", Tab),
    "shelved": ("documents.html", DocumentRow),
    "passage": ("documents.html", Passage),
    "differing": ("worked.html", Differing),
    "work": ("worked.html", Made),
}


def names(of: Any) -> set[str]:
    return {field.name for field in fields(of)}


def text(template: str) -> str:
    return (HERE / "templates" / template).read_text("utf-8")


def variables(template: str) -> set[str]:
    """What a template and its parents read from their context."""
    tree = environment.parse(text(template))
    found = meta.find_undeclared_variables(tree)
    for parent in tree.find_all(nodes.Extends):
        assert isinstance(parent.template, nodes.Const)
        found |= variables(parent.template.value)
    made = {node.target for node in tree.find_all(nodes.Import)} | {node.name for node in tree.find_all(nodes.Macro)}
    return found - made - {"t", "asset"}


def test_every_template_is_a_page_with_a_context_or_a_part_of_one() -> None:
    assert {file.name for file in (HERE / "templates").iterdir()} == set(CONTEXTS) | PARTS


@pytest.mark.parametrize("template", CONTEXTS)
def test_a_page_reads_exactly_the_fields_of_its_context(template: str) -> None:
    assert variables(template) == names(CONTEXTS[template])


def test_the_streaming_part_reads_a_part_of_its_context() -> None:
    assert variables("progress.html") <= names(ProgressContext)
    assert variables("message.html") == {"frame", "message"}


@pytest.mark.parametrize("row", ROWS)
def test_a_page_reads_exactly_the_fields_of_its_rows(row: str) -> None:
    template, of = ROWS[row]
    source = text(template) + (text("progress.html") if row == "message" else "")
    assert set(re.findall(rf"\b{row}\.(\w+)", source)) == names(of)


def test_the_frame_has_no_field_that_nothing_shows() -> None:
    everything = "".join(text(template) for template in {*CONTEXTS, *PARTS})
    assert set(re.findall(r"\bframe\.(\w+)", everything)) == names(Frame)
    assert set(re.findall(r"\bframe\.viewer\.(\w+)", everything)) == names(Viewer)


def test_no_template_holds_script_or_style_or_turns_escaping_off() -> None:
    forbidden = re.compile(r"<script(?! src=)|<style|\sstyle=|\son\w+=|hx-on|javascript:|\|\s*safe|autoescape|hx-vals")
    for template in {*CONTEXTS, *PARTS}:
        assert forbidden.findall(text(template)) == [], template


def test_every_posted_form_carries_the_token() -> None:
    """sign_in.html and welcome.html too, though nobody has one yet: the field is empty there."""
    for template in {*CONTEXTS, *PARTS}:
        for form in re.findall(r"<form\b.*?</form>", text(template), re.DOTALL):
            assert 'method="get"' in form or "csrf(frame)" in form, (template, form[:80])
