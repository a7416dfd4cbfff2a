"""The real servers answer as the loopback ones do: the same exchanges hold for both (`test_loopbacks`)."""

from __future__ import annotations

import pytest

from tests.loopback.exchanges import differences, of_ollama, of_qdrant
from tests.loopback.qdrant import LoopbackQdrant
from tests.real.servers import RealServer, given

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


async def test_ollama(real_ollama: RealServer) -> None:
    exchanges = of_ollama(given("REAL_OLLAMA_MODEL"), given("REAL_EMBEDDING_MODEL"))
    assert await differences(real_ollama.url, exchanges) == []


async def test_qdrant(qdrant_server: LoopbackQdrant) -> None:
    assert await differences(qdrant_server.url, of_qdrant("side-by-side")) == []
