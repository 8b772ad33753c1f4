from __future__ import annotations

import pytest

from hanlin.labels import visible
from hanlin.types import Filing, Scope, Service

FILED = Filing("filing", "Beijing-HanLin-20260101", "Qwen 2.5")
REGISTERED = Filing("registration", "Beijing-HanLin-20260102", "Qwen 2.5")


@pytest.mark.parametrize(
    ("service", "chinese", "english"),
    [
        (
            Service("s", ("m",), scope=Scope.PUBLIC, filing=FILED),
            "本服务内容由人工智能生成。模型：Qwen 2.5，备案号：Beijing-HanLin-20260101。",
            "AI-generated content. Model: Qwen 2.5. Filing number: Beijing-HanLin-20260101.",
        ),
        (
            Service("s", ("m",), scope=Scope.PUBLIC, filing=REGISTERED),
            "本服务内容由人工智能生成。模型：Qwen 2.5，上线编号：Beijing-HanLin-20260102。",
            "AI-generated content. Model: Qwen 2.5. Registration number: Beijing-HanLin-20260102.",
        ),
        (
            Service("s", ("m",)),
            "本服务内容由人工智能生成。仅供内部使用，无备案。",
            "AI-generated content. Internal use, no filing.",
        ),
        (Service("s", ("m",), scope=Scope.PUBLIC), "本服务内容由人工智能生成。", "AI-generated content."),
    ],
)
def test_the_sentence_has_both_elements_and_what_must_be_published(
    service: Service, chinese: str, english: str
) -> None:
    assert visible("zh", service) == chinese
    assert visible("en", service) == english
