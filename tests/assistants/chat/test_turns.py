from __future__ import annotations

from typing import Literal

from hanlin.assistants.chat import Message, State
from hanlin.assistants.chat.turns import turns


def message(role: Literal["user", "assistant"], text: str, state: State = State.DONE) -> Message:
    return Message(
        id="msg",
        conversation_id="con",
        position=0,
        role=role,
        state=state,
        text=text,
        service="s",
        created_at=0,
    )


def said(before: list[Message], question: str, budget_bytes: int) -> list[str]:
    return [str(turn.content) for turn in turns(before, question, budget_bytes)]


def test_as_many_of_the_last_exchanges_as_fit_are_shown_whole() -> None:
    before = [
        message("user", "a" * 10),
        message("assistant", "b" * 10),
        message("user", "c"),
        message("assistant", "d"),
    ]
    assert said(before, "e", 23) == ["a" * 10, "b" * 10, "c", "d", "e"]
    assert said(before, "e", 22) == ["c", "d", "e"]
    assert said(before, "e", 0) == ["e"]


def test_bytes_are_counted_not_characters() -> None:
    before = [message("user", "问"), message("assistant", "答")]
    assert said(before, "再", 9) == ["问", "答", "再"]
    assert said(before, "再", 8) == ["再"]


def test_exchanges_without_an_answer_are_left_out() -> None:
    before = [
        message("user", "a"),
        message("assistant", "", State.REFUSED),
        message("user", "b"),
        message("assistant", "half", State.FAILED),
        message("user", "c"),
        message("assistant", "d", State.STOPPED),
    ]
    assert said(before, "e", 100) == ["c", "d", "e"]
