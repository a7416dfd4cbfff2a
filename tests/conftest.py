"""Loads the fixtures of every area and keeps tests off the network and out of the developer's own settings."""

from __future__ import annotations

import gc
import os
import pkgutil
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.settings.config import Settings
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
