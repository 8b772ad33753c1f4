"""What every test may use: the guard on the network, and the real things that some tests need."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

TEST_MODEL = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
"""SHA-256 of the weights of qwen2.5-coder-0.5b-instruct, the model that tests use."""
settings.register_profile(
    "hanlin",
    deadline=None,
    database=None,
    derandomize=not os.environ.get("HANLIN_TEST_RANDOM"),
    suppress_health_check=(HealthCheck.too_slow,),
)
settings.load_profile("hanlin")
"""The same examples each time, so that a run says something of the change; HANLIN_TEST_RANDOM=1 looks for new ones. No
deadlines: how long an example takes says more of the machine than of the code.
"""
LOOPBACK = ("127.", "::1", "localhost")


def missing(kind: str, word: str) -> None:
    """Skip with a word; fail instead where HANLIN_TEST_REQUIRE (as CI sets it) says that `kind` must be there."""
    if kind in os.environ.get("HANLIN_TEST_REQUIRE", "").split():
        pytest.fail(f"{word} (required by HANLIN_TEST_REQUIRE)")
    pytest.skip(word)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to anything but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"a test tried to reach {address[0]!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def test_weights() -> Path:
    """The 0.5B model's file in the weight store."""
    folder = Path(os.environ.get("HANLIN_WEIGHTS", "~/.cache/hanlin/weights")).expanduser()
    file = folder / "sha256" / TEST_MODEL
    if not file.exists():
        missing("model", "the 0.5B weights are not in the store: `hanlin models pull qwen2.5-coder-0.5b-instruct`")
    return file


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium on this machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("browser", "there is no Chromium on this machine")
    assert found is not None
    return found
