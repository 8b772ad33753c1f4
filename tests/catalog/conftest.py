from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.catalog import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; nothing in the environment sends its requests elsewhere."""
    for variable in ("HF_ENDPOINT", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    return Store(tmp_path / "store")
