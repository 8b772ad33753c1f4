"""The notice that participants are given before anything is recorded, in the words that go on record."""

from __future__ import annotations

from hanlin.assistants.meetings.records import Consent
from hanlin.errors import NotAllowed

NOTICE_LANGUAGES = ("en", "zh")

_NOTICES = {
    "en": (
        "This conversation is recorded and turned into text by software, which also tells voices apart and may "
        "summarise what is said. The recording belongs to the person who makes it, who may share it within the "
        "workspace and can erase it at any time. Voice and words are personal data: if you do not agree, say so now, "
        "and nothing is recorded."
    ),
    "zh": (
        "本次谈话将被录音，并由软件转写为文字；软件会区分不同的说话人，也可能对内容进行总结。"
        "录音归录制者所有，录制者可在工作区内共享，也可随时删除。"
        "声音与言语属于个人信息：如果您不同意，请现在说明，我们将不录音。"
    ),
}


def notice(language: str) -> str:
    """The notice in `en` or `zh`; in English for another language."""
    return _NOTICES.get(language[:2], _NOTICES["en"])


def check(consent: Consent | None) -> Consent:
    """The consent, or NotAllowed when there is none."""
    if consent is None or not consent.confirmed:
        raise NotAllowed(
            "Nothing is recorded or transcribed before its participants were told and nobody objected.",
            action="Read the notice to them and confirm it.",
            code="no_consent",
        )
    return consent
