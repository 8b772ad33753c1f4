"""How speakers, times and texts are told to models and people."""

from __future__ import annotations

from hanlin.assistants.meetings.records import Speaker

SPEAKER = {"zh": "发言人{}", "en": "Speaker {}"}


def name_of(speaker: Speaker, language: str = "en") -> str:
    """The name somebody gave, or a number."""
    return speaker.name or SPEAKER["zh" if language[:2] == "zh" else "en"].format(speaker.number)


def clock(seconds: float) -> str:
    """`12:05`, `1:02:05`."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def tokens_of(text: str) -> int:
    """About how many tokens a text has, rather more than fewer: a third of its bytes."""
    return len(text.encode()) // 3 + 1


def schema_object(**properties: object) -> dict[str, object]:
    """A JSON schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
