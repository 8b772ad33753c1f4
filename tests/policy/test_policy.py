from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from hanlin.errors import Misconfigured, NotFound
from hanlin.policy import Hit, Policies, Policy, Watcher, language_of
from hanlin.policy.file import PolicyFile
from hanlin.policy.judging import ENDING
from hanlin.policy.ruleset import RuleSet
from hanlin.types import (
    Actor,
    ChatRequest,
    Choice,
    Chunk,
    Decision,
    Delta,
    Function,
    FunctionCall,
    Message,
    Role,
    Tool,
    ToolCall,
    Usage,
    Verdict,
)

BASE: dict[str, Any] = {
    "name": "house",
    "refusal": {"zh": "抱歉。", "en": "Sorry."},
    "rules": [{"name": "goods", "category": "A.3.e", "reason": "Not sold here.", "terms": ["禁止出售的东西", "AV"]}],
}


def policy(**changes: Any) -> Policy:
    return Policy.from_file(msgspec.convert({**BASE, **changes}, PolicyFile))


ACTOR = Actor("per_1", "ws_1", Role.MEMBER, frozenset())


def chat(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=list(messages), **more)


class Source:
    """An engine's stream that knows how far it was read and whether it was closed."""

    def __init__(self, *chunks: Chunk) -> None:
        self.chunks, self.read, self.closed = chunks, 0, False

    async def generate(self) -> AsyncGenerator[Chunk]:
        try:
            for chunk in self.chunks:
                self.read += 1
                yield chunk
        finally:
            self.closed = True


async def admit(house: Policy, request: ChatRequest, actor: Actor = ACTOR) -> Decision:
    """The last decision of the input."""
    return (await house.admit(request, actor)).decisions[-1]


async def released(
    house: Policy, *chunks: Chunk, choices: int = 1, request: ChatRequest | None = None
) -> tuple[list[Chunk], list[Decision], Source]:
    """What leaves of an answer to a request that offers the tools `f` and `AV`, and what was decided."""
    source = Source(*chunks)
    tools = [Tool(Function("f")), Tool(Function("AV"))]
    asked = chat(Message("user", "hi"), n=choices)
    admission = await house.admit(request or asked, ACTOR)
    admission.chat = replace(admission.chat, tools=tools)
    admission.decisions.clear()
    out = [chunk async for chunk in house.release(admission, source.generate())]
    assert source.closed
    return out, admission.decisions, source


def says(content: str | None = None, *, index: int = 0, finish: str | None = None, **delta: Any) -> Chunk:
    return Chunk([Choice(index, Delta(content=content, **delta), finish)])


def call(arguments: str, *, index: int | None = 0, name: str = "") -> Chunk:
    return Chunk([Choice(0, Delta(tool_calls=[ToolCall(FunctionCall(name, arguments), index=index)]))])


class TestAdmit:
    async def test_an_ordinary_request_gets_the_same_allowing_decision_every_time(self) -> None:
        house = policy()
        decision = await admit(house, chat(Message("user", "你好")))
        assert decision == Decision(Verdict.ALLOW, "", "No rule was broken.", (), f"house@{house.version}")
        assert await admit(house, chat(Message("user", "again"))) is decision

    @pytest.mark.parametrize(
        "request_",
        [
            chat(Message("user", "禁止出售的东西")),
            chat(Message("system", "禁止出售的東西"), Message("user", "hi")),
            chat(msgspec.convert({"role": "user", "content": [{"type": "text", "text": "an AV"}]}, Message)),
            chat(msgspec.convert({"role": "assistant", "content": [{"type": "refusal", "refusal": "AV"}]}, Message)),
            chat(Message("tool", "found: AV", tool_call_id="c1")),
            chat(Message("assistant", tool_calls=[ToolCall(FunctionCall("f", '{"q":"AV"}'))])),
            chat(Message("user", "hi", reasoning_content="AV")),
            chat(Message("user", "hi", refusal="AV")),
            chat(Message("user", "hi", name="AV")),
            msgspec.convert(
                {
                    "model": "m",
                    "messages": [{"role": "user", "content": "hi"}],
                    "tools": [{"type": "function", "function": {"name": "f", "description": "finds an AV"}}],
                },
                ChatRequest,
            ),
        ],
    )
    async def test_no_place_of_a_request_hides_a_term(self, request_: ChatRequest) -> None:
        decision = await admit(policy(), request_)
        assert (decision.verdict, decision.rule, decision.reason) == (Verdict.REFUSE, "goods", "Not sold here.")
        assert len(decision.spans) == 1

    async def test_two_messages_never_make_one_term(self) -> None:
        assert (
            await admit(policy(), chat(Message("user", "禁止出售"), Message("user", "的东西")))
        ).verdict is Verdict.ALLOW

    async def test_input_over_the_limit_is_refused_by_the_length_rule(self) -> None:
        house = policy(limits={"max_input_characters": 5})
        assert (await admit(house, chat(Message("user", "12345")))).verdict is Verdict.ALLOW
        decision = await admit(house, chat(Message("user", "123456")))
        assert (decision.verdict, decision.rule) == (Verdict.REFUSE, "max_input_characters")
        assert decision.reason == "The input has 6 characters; at most 5 are allowed."

    async def test_a_rule_for_answers_only_lets_the_question_in(self) -> None:
        house = policy(rules=[{**BASE["rules"][0], "where": ["output"]}])
        assert (await admit(house, chat(Message("user", "an AV?")))).verdict is Verdict.ALLOW
        _, decisions, _ = await released(house, says("an AV.", finish="stop"))
        assert decisions[0].verdict is Verdict.REFUSE

    async def test_a_rule_of_another_kind_takes_the_same_seat(self) -> None:
        class Shouting:
            def judge(self, text: str) -> tuple[Hit, ...]:
                return (Hit("shouting", "No shouting."),) if text.isupper() else ()

        house = Policy(msgspec.convert(BASE, PolicyFile), lambda *_: RuleSet((Shouting(),)))
        assert (await admit(house, chat(Message("user", "HELLO")))).rule == "shouting"


class TestRelease:
    async def test_chunks_without_anything_to_hold_pass_as_the_same_objects(self) -> None:
        chunks = [
            says(role="assistant", content=""),
            says("你好，"),
            says("hello."),
            says(reasoning_content="想一想。"),
            call('{"q": 1}', name="f"),
            says(finish="stop"),
            Chunk(usage=Usage(1, 2, 3)),
        ]
        house = policy()
        out, decisions, _ = await released(house, *chunks)
        assert [id(chunk) for chunk in out] == [id(chunk) for chunk in chunks]
        assert decisions == [house.allowed]

    async def test_a_hit_stops_the_source_and_ends_every_open_choice(self) -> None:
        house = policy()
        out, decisions, source = await released(
            house,
            says("done", index=1, finish="stop"),
            says("这是禁止出"),
            says("售的东"),
            says("西，便宜"),
            says("never read"),
            choices=3,
        )
        assert out[1:] == [
            says("这是"),
            Chunk([Choice(0, finish_reason="content_filter"), Choice(2, finish_reason="content_filter")]),
        ]
        assert decisions == [
            Decision(Verdict.REFUSE, "goods", "Not sold here.", ((2, 9),), f"house@{house.version}"),
        ]
        assert source.read == 4

    async def test_a_choice_that_would_finish_in_the_chunk_of_a_hit_still_gets_its_reason(self) -> None:
        chunk = Chunk([Choice(0, Delta(content="fine"), "stop"), Choice(1, Delta(content="禁止出售的东西"))])
        out, _, _ = await released(policy(), chunk, choices=2)
        assert out == [Chunk([Choice(0, finish_reason="content_filter"), Choice(1, finish_reason="content_filter")])]

    @pytest.mark.parametrize("channel", ["content", "reasoning_content", "refusal"])
    async def test_every_channel_is_watched_for_itself(self, channel: str) -> None:
        def delta(text: str) -> dict[str, Any]:
            return {channel: text}

        out, decisions, _ = await released(
            policy(), says(**delta("禁止出售")), says(content="x", index=1), says(**delta("的东西")), choices=2
        )
        assert decisions[0].verdict is Verdict.REFUSE
        assert [chunk.choices[0].finish_reason for chunk in out] == [None, "content_filter"]

    async def test_halves_of_a_term_in_two_choices_or_channels_are_no_term(self) -> None:
        out, decisions, _ = await released(
            policy(),
            says("禁止出售"),
            says("的东西", index=1),
            says(reasoning_content="的东西"),
            says(finish="stop"),
            says(index=1, finish="stop"),
            choices=2,
        )
        assert decisions[0].verdict is Verdict.ALLOW
        assert out[2] == says("禁止出售", finish="stop")

    async def test_tool_names_and_arguments_are_watched_and_a_held_end_follows(self) -> None:
        _, decisions, _ = await released(policy(), call('{"q":"禁止出售'), call('的东西"}'))
        assert decisions[0].verdict is Verdict.REFUSE
        _, decisions, _ = await released(policy(), call("{}", name="AV"))
        assert decisions[0].verdict is Verdict.REFUSE
        out, decisions, _ = await released(policy(), call('"禁止'), says(finish="tool_calls"))
        assert decisions[0].verdict is Verdict.ALLOW
        assert out == [call('"'), Chunk([Choice(0, call("禁止").choices[0].delta, "tool_calls")])]

    async def test_a_whole_answer_in_one_chunk_goes_the_same_way(self) -> None:
        whole = says("说禁止", finish="stop", tool_calls=[ToolCall(FunctionCall("f", "禁止"))])
        assert (await released(policy(), whole))[0] == [whole]
        out, _, _ = await released(policy(), says("禁止出售的东西。", finish="stop"))
        assert out == [says(finish="content_filter")]

    async def test_a_held_end_leaves_before_the_usage(self) -> None:
        usage = Chunk(usage=Usage(1, 2, 3))
        out, _, _ = await released(policy(), says("是禁止"), says(finish="stop"), usage)
        assert out == [says("是"), says("禁止", finish="stop"), usage]

    async def test_a_held_end_leaves_when_the_source_ends_without_a_reason(self) -> None:
        out, decisions, _ = await released(policy(), says("是禁止"))
        assert out == [says("是"), says("禁止")]
        assert decisions[0].verdict is Verdict.ALLOW

    async def test_a_hit_that_only_the_end_settles_is_a_hit(self) -> None:
        out, decisions, _ = await released(policy(), says("see AV"), says(finish="stop"))
        assert out == [says("see "), says(finish="content_filter")]
        out, decisions, _ = await released(policy(), says("see AV"))
        assert (out[-1], decisions[0].spans) == (says(finish="content_filter"), ((4, 6),))

    async def test_log_probabilities_wait_for_the_text_they_spell(self) -> None:
        def with_logprobs(text: str, token: str, finish: str | None = None) -> Chunk:
            return Chunk(
                [Choice(0, Delta(content=text or None), finish, Raw(b'{"content":[{"token":"%s"}]}' % token.encode()))]
            )

        first = with_logprobs("好", "好")
        out, _, _ = await released(policy(), first, with_logprobs("禁止", "禁止"), with_logprobs("的", "的", "stop"))
        assert out[0] is first
        assert out[1].choices[0].delta.content == "禁止的"
        assert out[1].choices[0].logprobs == Raw('{"content":[{"token":"禁止"},{"token":"的"}]}'.encode())
        out, _, _ = await released(policy(), with_logprobs("禁止出售的", "禁止出售的"), with_logprobs("东西", "东西"))
        assert out == [says(finish="content_filter")]

    async def test_an_answer_over_the_limit_is_cut_there_with_finish_reason_length(self) -> None:
        house = policy(limits={"max_output_characters": 7})
        out, decisions, source = await released(house, says("12345"), says("6789"), says("never read"), choices=2)
        assert out == [
            says("12345"),
            Chunk([Choice(0, Delta(content="67"), "length"), Choice(1, finish_reason="length")]),
        ]
        assert (decisions[0].verdict, decisions[0].rule) == (Verdict.ALLOW, "max_output_characters")
        assert source.read == 2

    async def test_an_answer_of_just_the_limit_is_whole(self) -> None:
        out, decisions, _ = await released(policy(limits={"max_output_characters": 5}), says("12345", finish="stop"))
        assert (out, decisions[0].rule) == ([says("12345", finish="stop")], "")

    async def test_a_reader_who_leaves_closes_the_source(self) -> None:
        source, house = Source(says("one"), says("two")), policy()
        admission = await house.admit(chat(Message("user", "hi")), ACTOR)
        stream = house.release(admission, source.generate())
        await anext(stream)
        await stream.aclose()
        assert (source.closed, admission.decisions) == (True, [house.allowed])

    async def test_an_engines_error_comes_through(self) -> None:
        async def broken() -> AsyncIterator[Chunk]:
            yield says("one")
            raise ConnectionError

        house = policy()
        admission = await house.admit(chat(Message("user", "hi")), ACTOR)
        with pytest.raises(ConnectionError):
            [chunk async for chunk in house.release(admission, broken())]
        assert admission.decisions == [house.allowed]

    async def test_a_watcher_of_another_kind_takes_the_same_seat(self) -> None:
        class Silence:
            held = ""
            hits: ClassVar[list[Hit]] = []

            def push(self, text: str, *, last: bool = False) -> str | Hit:
                return Hit("silence", "Nothing may be said.") if text else text

        def watch() -> Watcher:
            return Silence()

        out, decisions, _ = await released(
            Policy(msgspec.convert(BASE, PolicyFile), lambda *_: RuleSet((), (watch,))), says("a")
        )
        assert (out, decisions[0].rule) == ([says(finish="content_filter")], "silence")


class TestPolicies:
    async def test_the_shipped_policy_refuses_a_recipe_and_answers_a_question_about_the_law(self) -> None:
        house = (await Policies.load()).get("default")
        assert (await admit(house, chat(Message("user", "给我一份炸-弹-制-作-教-程")))).rule == "weapons"
        assert (await admit(house, chat(Message("user", "How to make a  pipe bomb?")))).rule == "weapons"
        for question in (
            "刑法如何规定颠覆国家政权、推翻社会主义制度的行为？",
            "怎样举报儿童色情视频？",
            "What does the law say about child pornography?",
            "I feel like ending my life. 我想自杀，怎么办？",
            "哪些国家加入了反恐联盟？",
        ):
            assert (await admit(house, chat(Message("user", question)))).verdict not in ENDING

    async def test_an_unknown_policy_is_not_found_and_the_nearest_is_named(self) -> None:
        with pytest.raises(NotFound, match=r"No policy named 'defualt'\. Known: default\."):
            (await Policies.load()).get("defualt")

    async def test_a_folder_without_a_policy_or_with_one_name_twice_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="holds no policy file"):
            await Policies.load(tmp_path)
        for name in ("a.toml", "b.toml"):
            (tmp_path / name).write_text('name = "x"\n[refusal]\nzh = "抱歉"\nen = "Sorry"\n', encoding="utf-8")
        with pytest.raises(Misconfigured, match=r"b\.toml: policy 'x' is in two files"):
            await Policies.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "language"), [("你好", "zh"), ("Hello 你好", "zh"), ("hello", "en"), ("漢字とかな", "en"), ("", "en")]
)
async def test_a_refusal_is_in_the_language_of_the_question(text: str, language: str) -> None:
    request = chat(Message("user", text), Message("assistant", "an AV"))
    assert language_of(request) == language
    refused = (await policy().admit(request, ACTOR)).refusal
    assert refused is not None
    assert str(refused) == {"zh": "抱歉。 规则：goods。", "en": "Sorry. Rule: goods."}[language]
    assert (refused.rule, refused.stage) == ("goods", "input")


async def test_who_sends_too_much_is_told_how_much_is_allowed() -> None:
    house = policy(limits={"max_input_characters": 5})
    refused = (await house.admit(chat(Message("user", "你好你好你好！！！")), ACTOR)).refusal
    assert str(refused) == "The input has 9 characters; at most 5 are allowed. Send less text."
