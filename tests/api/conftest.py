"""One house for all tests of a file: they ask it things, and leave it as they found it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.asgi_client import Client
from tests.api.cast import Premises, premises


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Premises]:
    async with premises(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
def client(here: Premises) -> Client:
    return here.client
