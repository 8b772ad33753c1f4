"""The explicit label people see: both elements, AI and generation (GB 45438-2025, 5.1 and 5.6), and what is published
about the service (备案 / 登记 notices: model name and number in a prominent place).
"""

from __future__ import annotations

from hanlin.types import Scope, Service


def visible(language: str, service: Service) -> str:
    """The sentence shown near generated text all the time, in `zh` or else in English."""
    return _chinese(service) if language == "zh" else _english(service)


def _chinese(service: Service) -> str:
    sentence = "本服务内容由人工智能生成"
    if service.filing:
        number = "备案号" if service.filing.kind == "filing" else "上线编号"
        return f"{sentence}。模型：{service.filing.model_name}，{number}：{service.filing.number}。"
    return f"{sentence}。仅供内部使用，无备案。" if service.scope is Scope.INTERNAL else f"{sentence}。"


def _english(service: Service) -> str:
    sentence = "AI-generated content."
    if service.filing:
        kind = service.filing.kind.capitalize()
        return f"{sentence} Model: {service.filing.model_name}. {kind} number: {service.filing.number}."
    return f"{sentence} Internal use, no filing." if service.scope is Scope.INTERNAL else sentence
