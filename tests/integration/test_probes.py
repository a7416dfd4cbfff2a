"""What is asked of a service that failed before a real call tries it again: its health check, where it has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.errors import ServiceUnavailable
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.llm.resilience import Breaker, BreakerState
from bot.run.app import App, open_app
from tests.fixtures.storage import GUILD
from tests.loopback.http import Fault, LoopbackServer
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.qdrant import LoopbackQdrant


async def search(app: App, text: str) -> None:
    await app.index.search(VectorQuery(guild_id=GUILD, text=text, channel_ids=None, limit=1))


async def test_qdrant_and_ollamas_embeddings_are_probed_before_they_are_used_again(
    data_dir: Path, ollama_server: LoopbackOllama
) -> None:
    async with LoopbackQdrant() as qdrant:
        settings = load_settings(
            None,
            data_dir=data_dir,
            ollama_base_url=ollama_server.url,
            embedding_provider="ollama",
            embedding_model="nomic-embed-text",
            embedding_dims=768,
            mem0_qdrant_url=qdrant.url,
        )
        async with open_app(settings, extract=False, patient=True) as app:
            guards = {guard.service: guard for guard in app.guards}
            uses: list[tuple[str, LoopbackServer, str, str]] = [
                ("qdrant", qdrant, "/readyz", "/query"),
                ("embeddings", ollama_server, "/api/tags", "/api/embed"),
            ]
            for service, server, health, use in uses:
                guard = guards[service]
                guard.breaker = Breaker(threshold=1, cooldown=0.0)
                server.fail(Fault.STATUS, status=503)
                with pytest.raises(ServiceUnavailable):
                    await search(app, f"one {use}")
                assert guard.breaker.state is BreakerState.HALF_OPEN
                server.requests.clear()
                with pytest.raises(ServiceUnavailable):
                    await search(app, f"two {use}")
                assert server.asked(health)
                assert not server.asked(use), "no real call tries a service that is not well"
                server.heal()
                await search(app, f"three {use}")
                assert server.asked(use)
                assert guard.breaker.state.value == "closed"
