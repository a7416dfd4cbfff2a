"""Loads the fixtures of every area and keeps tests off the network and out of the developer's own settings."""

from __future__ import annotations

import gc
import os
import pkgutil
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.settings.config import Settings
from bot.storage.dialect import SQLCipherDialect
from tests.real.servers import GIVEN

pytest.register_assert_rewrite("tests.fixtures")  # before one of them imports another

pytest_plugins = sorted(
    f"tests.fixtures.{module.name}" for module in pkgutil.iter_modules([str(Path(__file__).parent / "fixtures")])
)


def pytest_collection_finish() -> None:
    """Keep the collector from looking through all modules, which stay, in the middle of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name in GIVEN]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Each client of a service reads the authorities' certificates anew: longer than most tests, which use no TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Each engine compiles statements anew, and each test has engines of its own: a fifth of the time of them all."""
    compiled: dict[object, object] = {}

    def create(*args: Any, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as SQLAlchemy has them
        engine = create_async_engine(*args, **options)
        engine.sync_engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLCipherDialect, "__eq__", lambda dialect, other: type(dialect) is type(other))
        patch.setattr(SQLCipherDialect, "__hash__", lambda dialect: hash(type(dialect)))
        patch.setattr("bot.storage.sqlite.create_async_engine", create)
        yield
