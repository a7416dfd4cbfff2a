"""Opens the vector index that the settings ask for, after checking that it fits the embedding model."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.errors import ServiceRejected, ServiceUnavailable, StartupError
from bot.index.points import Filters, Found, Point, PointStore

if TYPE_CHECKING:
    from mem0.configs.base import MemoryConfig

    from bot.index.mem0_index import Mem0Index
    from bot.index.qdrant_store import QdrantAddress
    from bot.installation import Installation
    from bot.llm.embeddings import Embedder

log = logging.getLogger(__name__)

COLLECTION: Final = "discord_memories"
MADE_WITH: Final = "index_embedding"
"""Key under which the installation remembers which model the index was made with."""


@dataclass(frozen=True, slots=True)
class HybridModels:
    """The models that mem0's configuration names. It calls none of them: extraction and embedding are ours."""

    llm_provider: str
    llm_model: str
    ollama_base_url: str


def prepare_mem0(data_dir: Path) -> None:
    """Keep mem0 from reporting home, and its files in our folder; call before mem0 is imported for the first time."""
    folder = data_dir / "mem0"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = str(folder)
