"""A model whose words each test writes, behind the real `Calls`."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from hanlin.errors import HanlinError
from hanlin.service import Calls, Request
from hanlin.types import Actor, Choice, Chunk, Delta, Model, Route, Service, Skill

KEPT = re.compile(r"(</?g\d+>|<[xk]\d+/>|\d[\d.,]*|[\u3400-\u9fff]+)")
CHARACTERS = "天地人你我他山水火木金土日月星风云雨雪花草树鸟鱼马牛羊门口手足目耳心力工田王玉石米竹衣食车舟刀弓书画琴棋"
Says = Callable[[str, Request], str]


def chinese(text: str) -> str:
    """A make-believe translation into Chinese: two characters a word; numbers, markers and Chinese stay."""
    return "".join(piece if KEPT.fullmatch(piece) else _characters(piece) for piece in KEPT.split(text))


def _characters(piece: str) -> str:
    said = ""
    for token in re.findall(r"[^\W_]+|[^\w\s]", piece):
        digest = sha256(token.encode()).digest()
        said += "".join(CHARACTERS[byte % len(CHARACTERS)] for byte in digest[:2]) if token[0].isalnum() else token
    return said


@dataclass
class Script:
    """Answers with `says(text, request)`; `services` are offered, the first one first."""

    says: Says = lambda text, _: chinese(text)
    services: list[str] = field(default_factory=lambda: ["small"])
    reason: str = "stop"
    error: HanlinError | None = None
    requests: list[Request] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What was asked to be translated, in order."""
        return [request.chat.messages[-1].text() for request in self.requests]

    def calls(self) -> Calls:
        return Calls(self.serve, self.routes)

    async def serve(self, request: Request) -> AsyncGenerator[Chunk]:
        self.requests.append(request)
        if self.error:
            raise self.error
        answer = self.says(request.chat.messages[-1].text(), request)
        half = len(answer) // 2
        yield Chunk([Choice(delta=Delta(content=answer[:half]))])
        yield Chunk([Choice(delta=Delta(content=answer[half:]))])
        yield Chunk([Choice(finish_reason=self.reason)])

    def routes(self, _: Actor, skill: Skill) -> Iterator[Route]:
        if skill is Skill.CHAT:
            for name in self.services:
                model = Model(name=f"{name}-model", engine="echo")
                yield Route(Service(name=name, models=(model.name,)), model)
