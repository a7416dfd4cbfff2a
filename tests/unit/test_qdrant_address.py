"""Where a Qdrant server is: one way of writing it, which the client and the health check understand alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from bot.domain.addresses import qdrant_address
from bot.index.vectors import Vectors
from bot.llm.costs import Ledger
from bot.llm.loading import load_settings
from bot.storage.engine import Database
from tests.fixtures.storage import FakeClock

WRITTEN = [
    "http://127.0.0.1",
    "https://qdrant.example",
    "https://qdrant.example:443",
    "http://QDRANT:6333/",
    "HTTP://qdrant/behind/a/proxy/",
    "http://[::1]",
    "http://[::1]:16333",
]


@pytest.mark.parametrize("url", WRITTEN)
@pytest.mark.matrix
def test_it_is_where_qdrants_client_goes(url: str) -> None:
    address = qdrant_address(url)
    for asked in (url, address):
        client = QdrantClient(url=asked, check_compatibility=False)
        assert client.http.client.host.rstrip("/") == address
        client.close()


@pytest.mark.parametrize(
    "server",
    [
        {"mem0_qdrant_url": "http://qdrant:6333"},
        {"mem0_qdrant_url": "http://QDRANT:6333/"},
        {"mem0_qdrant_url": "http://qdrant"},
        {"mem0_qdrant_host": "Qdrant"},
        {"mem0_qdrant_host": "qdrant", "mem0_qdrant_port": 6333},
    ],
)
def test_every_way_of_writing_it_means_the_same_index(
    server: dict[str, object], database: Database, clock: FakeClock, data_dir: Path
) -> None:
    settings = load_settings(None, data_dir=data_dir, **server)
    vectors = Vectors(settings, database, Ledger(database, clock), [], clock, patient=False, makes=True)
    assert vectors.wanted.server == "http://qdrant:6333"
