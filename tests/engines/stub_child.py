"""A real child process with the real frames and a scripted server in the place of llama.cpp.

The file given as weights says how loading goes; the last message of a request says how answering goes.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hanlin.engines.llama_child import main
from hanlin.engines.llama_wire import Start

Forward = Callable[[bytes], bool]


def event(**delta: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "finish_reason": None, "delta": delta}]}).encode()


class Server:
    def handle_chat_completions(self, body: bytes, forward: Forward) -> None:
        command = json.loads(body)["messages"][-1]["content"].split()[0]
        forward(event(role="assistant", content=None))
        getattr(self, command)(forward)

    def say(self, forward: Forward) -> None:
        forward(event(content="said"))
        forward(b'{"choices":[{"index":0,"finish_reason":"stop","delta":{}}]}')
        forward(b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}')

    def cut(self, forward: Forward) -> None:
        forward(event(content="sa"))

    def refuse(self, forward: Forward) -> None:
        raise ValueError("schema with a secret in it")

    def fail(self, forward: Forward) -> None:
        raise RuntimeError("secret")

    def die(self, forward: Forward) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def talk(self, forward: Forward) -> None:
        while not forward(event(content="on ")):
            time.sleep(0.02)

    def hang(self, forward: Forward) -> None:
        time.sleep(60)

    def eat(self, forward: Forward) -> None:
        eaten = bytearray(400 * 1024 * 1024)
        eaten[::4096] = b"x" * len(eaten[::4096])
        self.talk(forward)


def load(start: Start) -> Server:
    order = Path(start.weights).read_text(encoding="utf-8") if Path(start.weights).exists() else "missing"
    if order == "crash":
        os.abort()
    if order == "heavy":
        Server().eat(lambda _: False)
    if order != "ok":
        raise RuntimeError(f"the weights are {order}")
    return Server()


if __name__ == "__main__":
    main(int(sys.argv[1]), load)
