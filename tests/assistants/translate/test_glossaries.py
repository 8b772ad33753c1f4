"""Glossaries and the memory: who sees them, who changes them, how they come and go as files."""

from __future__ import annotations

import pytest

from hanlin.assistants.translate import Order, Term
from hanlin.assistants.translate.records import Glossary, GlossaryForm
from hanlin.errors import BadRequest, NotAllowed, NotFound
from hanlin.types import Actor
from tests.assistants.translate.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = GlossaryForm(name="Medicine", source="en", target="zh")
TERMS = [Term("fever", "发热"), Term("cough", "咳嗽", "dry or wet")]


async def make(desk: Desk, actor: Actor, *, shared: bool = False) -> Glossary:
    form = GlossaryForm(name="Medicine", source="en", target="zh", shared=shared)
    return await desk.translations.glossaries.create(actor, form, TERMS)


async def test_a_glossary_keeps_its_terms_in_order(desk: Desk) -> None:
    room = desk.translations.glossaries
    made = await make(desk, desk.cast.owner)
    assert (made.terms, made.mine, made.shared) == (2, True, False)
    assert await room.terms(desk.cast.owner, made.id) == TERMS
    replaced = await room.replace(desk.cast.owner, made.id, TERMS[1:])
    assert (replaced.terms, await room.terms(desk.cast.owner, made.id)) == (1, TERMS[1:])


async def test_a_private_glossary_is_nobody_else_s_and_a_shared_one_is_the_workspace_s(desk: Desk) -> None:
    room, cast = desk.translations.glossaries, desk.cast
    private, shared = await make(desk, cast.colleague), await make(desk, cast.colleague, shared=True)
    for other, unseen in ((cast.owner, private), (cast.stranger, private), (cast.stranger, shared)):
        assert unseen.id not in {one.id for one in await room.list(other)}
        order = Order(target="zh", glossaries=(unseen.id,))
        for attempt in (
            room.get(other, unseen.id),
            room.terms(other, unseen.id),
            room.replace(other, unseen.id, []),
            room.change(other, unseen.id, FORM),
            room.written(other, unseen.id, "csv"),
            room.erase(other, unseen.id),
            desk.translations.text(other, "fever", order),
        ):
            with pytest.raises(NotFound):
                await attempt
    assert shared.id in {one.id for one in await room.list(cast.owner)}
    assert (await room.get(cast.owner, shared.id)).mine
    kept = await room.change(cast.owner, shared.id, FORM)
    assert kept.shared  # only its maker takes it back
    mine = await make(desk, cast.owner, shared=True)
    with pytest.raises(NotFound):
        await room.replace(cast.colleague, mine.id, [])
    with pytest.raises(NotAllowed):
        await room.list(cast.auditor)


async def test_a_glossary_of_other_languages_is_refused_and_one_of_the_other_direction_is_turned(desk: Desk) -> None:
    made = await make(desk, desk.cast.owner)
    with pytest.raises(BadRequest) as refused:
        await desk.translations.text(desk.cast.owner, "x", Order(target="vi", glossaries=(made.id,)))
    assert refused.value.code == "wrong_glossary"
    desk.script.says = lambda _, __: "The patient has a fever."
    turned = Order(target="en", source="zh", glossaries=(made.id,))
    translated = await desk.translations.text(desk.cast.owner, "病人发热了。", turned)
    assert (translated.segments[0].flags, desk.script.texts) == ((), ["病人fever了。"])


@pytest.mark.parametrize("kind", ["csv", "tbx"])
async def test_a_glossary_goes_out_and_comes_in_again(desk: Desk, kind: str) -> None:
    room, owner = desk.translations.glossaries, desk.cast.owner
    odd = [Term('a "quoted", thing', "<一>件 & 物"), Term("=SUM(A1)", "-减"), *TERMS]
    first = await room.create(owner, FORM, odd)
    path = desk.folder / f"terms.{kind}"
    path.write_bytes(await room.written(owner, first.id, kind))
    second = await room.create(owner, FORM, [Term("Fever", "发烧"), Term("rash", "皮疹")])
    await room.take_in(owner, second.id, path, path.name)
    terms = {term.source: term.target for term in await room.terms(owner, second.id)}
    assert terms == {term.source: term.target for term in odd} | {"rash": "皮疹"}


async def test_the_memory_is_the_workspace_s_and_each_entry_can_be_erased(desk: Desk) -> None:
    memory, cast = desk.translations.memory, desk.cast
    await memory.learn(cast.owner, "One apple.", "一个苹果。", ("en", "zh"))
    await memory.learn(cast.colleague, "Two pears.", "两个梨。", ("en", "zh"))
    assert await memory.exact(cast.colleague, "One apple.", "zh") == "一个苹果。"
    assert await memory.exact(cast.colleague, "One apple.", "vi") == ""
    assert await memory.exact(cast.stranger, "One apple.", "zh") == ""
    assert await memory.near(cast.stranger, "One apple!", "zh") == []
    (found,) = await memory.near(cast.colleague, "One apple!", "zh")
    assert (found.target, found.likeness) == ("一个苹果。", 0.9)
    (apple,) = await memory.recent(cast.colleague, "APPLE")
    with pytest.raises(NotFound):
        await memory.forget(cast.colleague, apple.id)
    with pytest.raises(NotFound):
        await memory.forget(cast.stranger, apple.id)
    await memory.forget(cast.owner, apple.id)
    assert await memory.exact(cast.owner, "One apple.", "zh") == ""
    with pytest.raises(NotAllowed):
        await memory.forget_all(cast.colleague, mine=False)
    assert await memory.forget_all(cast.owner, mine=False) >= 1
    assert await memory.recent(cast.colleague) == []


async def test_the_newest_approval_stands_in_the_memory(desk: Desk) -> None:
    memory, owner = desk.translations.memory, desk.cast.owner
    await memory.learn(owner, "A door.", "一扇门。", ("en", "zh"))
    await memory.learn(desk.cast.colleague, "A door.", "一道门。", ("en", "zh"))
    assert await memory.exact(owner, "A door.", "zh") == "一道门。"
    assert [one.target for one in await memory.recent(owner, "A door.")] == ["一道门。"]
