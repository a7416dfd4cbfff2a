"""The list of providers is where everything that depends on who runs a model comes from."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from pydantic import Field

from bot.domain.errors import StartupError
from bot.domain.findings import Finding, Verdict
from bot.guilds.composition import policy_of
from bot.index.vectors import why_not_embedding
from bot.llm import providers
from bot.llm.base import LanguageModel
from bot.llm.composition import answers_at_once, flushes_at_once, gather_seconds, open_model
from bot.llm.costs import Ledger
from bot.llm.loading import load_settings
from bot.llm.prices import Price
from bot.llm.provider import ModelProvider, Provider
from bot.llm.providers import PROVIDERS
from bot.llm.registry import Providers, providers_of
from bot.operate.composition import doctor_of
from bot.run.life import bot_runs
from bot.settings import Key, Section, Settings, check_for_run
from bot.settings.documents import environment_file, settings_table
from bot.storage.engine import Database
from tests.fixtures.remember import TwoCallModel
from tests.fixtures.storage import FakeClock

KEYS = {"openai_api_key": "k", "anthropic_api_key": "k", "discord_token": "t"}
REMOTE = "https://models.example.org/v1"
NEAR = "http://192.168.1.7:8080/v1"
AT_HOME, OUTSIDE = "on the operator's own machines", "over the internet"


@pytest.mark.parametrize(
    ("settings", "name", "where"),
    [
        ({}, "Ollama, llama3.1:8b", AT_HOME),
        ({"ollama_base_url": "http://ollama:11434,http://10.0.0.2:11434"}, "Ollama, llama3.1:8b", AT_HOME),
        ({"ollama_base_url": "https://gpu.example.org"}, "Ollama, llama3.1:8b", OUTSIDE),
        ({"ollama_base_url": "https://gpu.example.org", "own_hosts": "gpu.example.org"}, "Ollama", AT_HOME),
        ({"ollama_model": "gpt-oss:120b-cloud"}, "Ollama, gpt-oss:120b-cloud", OUTSIDE),
        ({"mem0_llm_provider": "openai"}, "OpenAI, gpt-4o-mini", OUTSIDE),
        ({"mem0_llm_provider": "openai", "openai_base_url": NEAR}, "gpt-4o-mini", AT_HOME),
        ({"mem0_llm_provider": "openai", "openai_base_url": REMOTE}, "gpt-4o-mini", OUTSIDE),
        ({"mem0_llm_provider": "anthropic"}, "Anthropic, claude-haiku-4-5", OUTSIDE),
        (
            {"mem0_llm_provider": "openai-compatible", "compatible_base_url": NEAR, "compatible_name": "LM Studio"},
            "LM Studio, default",
            AT_HOME,
        ),
        ({"mem0_llm_provider": "openai-compatible", "compatible_base_url": REMOTE}, "default", OUTSIDE),
        ({"ollama_fallback": "anthropic"}, "Ollama, llama3.1:8b, or Anthropic, claude-haiku-4-5, while", OUTSIDE),
        ({"ollama_fallback": "skip"}, "Ollama, llama3.1:8b", AT_HOME),
    ],
)
def test_members_are_told_whether_messages_leave_the_house(settings: dict[str, Any], name: str, where: str) -> None:
    told = policy_of(load_settings(None, **KEYS, **settings)).text()
    (line,) = [line for line in told.splitlines() if line.startswith("**Where it goes.**")]
    model, rest = line.split("makes memories from messages", 1)
    assert name in model
    assert where in rest.split(";")[0]


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({}, OUTSIDE),
        ({"embedding_provider": "ollama"}, AT_HOME),
        ({"embedding_provider": "fastembed"}, AT_HOME),
        ({"embedding_provider": "openai-compatible", "compatible_base_url": NEAR}, AT_HOME),
        ({"embedding_provider": "openai-compatible", "compatible_base_url": REMOTE}, OUTSIDE),
        ({"openai_base_url": NEAR}, AT_HOME),
        ({"openai_base_url": REMOTE}, OUTSIDE),
    ],
)
def test_members_are_told_whether_memories_leave_the_house(settings: dict[str, Any], where: str) -> None:
    policy = policy_of(load_settings(None, **settings))
    assert policy.embeddings_outside == (where is OUTSIDE)
    assert where in policy.text().split("turns memories", 1)[1]


@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({}, ["OPENAI_API_KEY"]),
        ({"mem0_llm_provider": "openai"}, ["OPENAI_API_KEY"]),
        ({"mem0_llm_provider": "anthropic"}, ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]),
        ({"embedding_provider": "ollama", "ollama_fallback": "anthropic"}, ["ANTHROPIC_API_KEY"]),
        ({"embedding_provider": "openai-compatible"}, ["COMPATIBLE_BASE_URL"]),
        ({"embedding_provider": "ollama"}, []),
        ({"mem0_enabled": False}, []),
    ],
)
def test_what_a_provider_in_use_lacks_is_told_at_start(settings: dict[str, Any], lacks: list[str]) -> None:
    checked = load_settings(None, discord_token="t", **settings)
    assert [line.split()[0] for line in checked.lacking()] == lacks
    if lacks:
        with pytest.raises(StartupError, match=lacks[0]):
            check_for_run(checked)


@pytest.mark.parametrize("label", [provider.label for provider in PROVIDERS.models])
def test_each_provider_can_be_chosen_and_is_named_where_settings_are_explained(label: str) -> None:
    settings = load_settings(None, mem0_llm_provider=label, compatible_base_url=NEAR)
    provider = providers_of(settings).model(settings)
    assert provider.label == label
    assert flushes_at_once(settings) >= 1
    assert answers_at_once(settings) >= 1
    assert label in environment_file(PROVIDERS.settings_type)
    for name in type(provider).section.model_fields:
        assert f"`{name.upper()}`" in settings_table(PROVIDERS.settings_type)


def test_every_provider_of_the_package_is_in_the_list() -> None:
    modules = [import_module(f"{providers.__name__}.{found.name}") for found in iter_modules(providers.__path__)]
    written = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Provider) and value.__module__ == module.__name__
    }
    assert {value for value in written if not inspect.isabstract(value)} == {*PROVIDERS.models, *PROVIDERS.embedders}


def test_no_provider_is_dearer_or_cheaper_than_its_list() -> None:
    prices = PROVIDERS.prices(load_settings(None, compatible_base_url=NEAR))
    assert prices.cost("anthropic", "claude-haiku-4-5-20251001", 1_000_000, 1_000_000) == pytest.approx(6.0)
    assert prices.cost("openai", "gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert prices.free == {"ollama", "fastembed", "openai-compatible"}
    remote = PROVIDERS.prices(load_settings(None, compatible_base_url=REMOTE))
    assert remote.cost("openai-compatible", "default", 1, 1) is None


# --- a provider that this program does not know -----------------------------------------------------------------------


class OracleSettings(Section):
    """Of a provider that is thought up."""

    oracle_key: Key = Field(None, description="Key of the oracle.")
    oracle_model: str = Field("pythia", description="Model that extracts memories there.")


class OracleModels(ModelProvider[OracleSettings]):
    """A provider in one file."""

    label = "oracle"
    section = OracleSettings
    about = "of Delphi"
    title = "The Oracle"
    is_outside = True
    model_setting = "ORACLE_MODEL"
    questions_at_once = 7
    prices = {"pythia": Price(1.0, 2.0)}  # noqa: RUF012 - a test's

    @property
    def model(self) -> str:
        return self.settings.oracle_model

    @property
    def lacks(self) -> str:
        return "" if self.settings.oracle_key else "ORACLE_KEY is not set"

    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        sample = '{"words": ["one", "two", "three"]}'
        return TwoCallModel([sample], judge=lambda _: sample, provider=self.label, model=model)

    async def examine(self, models: Mapping[str, str]) -> AsyncIterator[Finding]:
        async for finding in super().examine(models):
            yield finding
        yield Finding("oracle", Verdict.OK, "speaks in riddles")


WITH_ORACLE = Providers((*PROVIDERS.models, OracleModels), PROVIDERS.embedders)


@pytest.fixture
def oracular(data_dir: Path) -> Settings:
    return WITH_ORACLE.load_settings(
        None, data_dir=data_dir, mem0_llm_provider="oracle", oracle_key="sk-zq", embedding_provider="ollama"
    )


def test_a_provider_that_is_added_needs_nothing_else_to_be_honoured(oracular: Settings) -> None:
    policy = policy_of(oracular)
    assert "The Oracle, pythia makes memories from messages (messages go to it over the internet)" in policy.text()
    assert (flushes_at_once(oracular), answers_at_once(oracular)) == (1, 7)
    assert WITH_ORACLE.prices(oracular).cost("oracle", "pythia", 1_000_000, 1_000_000) == 3.0
    assert "sk-zq" in oracular.secrets()
    assert "#ORACLE_MODEL=pythia" in environment_file(WITH_ORACLE.settings_type)
    assert "| `ORACLE_KEY` | unset | Key of the oracle. |" in settings_table(WITH_ORACLE.settings_type)
    assert "oracle (of Delphi)" in settings_table(WITH_ORACLE.settings_type)
    keyless = oracular.model_copy(update={"oracle_key": None})
    assert [line.split(":")[0] for line in keyless.lacking()] == ["ORACLE_KEY is not set"]
    stands_in = oracular.model_copy(update={"mem0_llm_provider": "ollama", "ollama_fallback": "oracle"})
    assert (
        policy_of(stands_in).language_model == "Ollama, llama3.1:8b, or The Oracle, pythia, while that does not answer"
    )
    assert policy_of(stands_in).language_model_outside


async def test_its_calls_are_guarded_and_counted(oracular: Settings, database: Database, clock: FakeClock) -> None:
    ledger = Ledger(database, clock)
    model = open_model(WITH_ORACLE.model(oracular), ledger)
    assert [guard.name for guard in model.guards] == ["oracle"]
    assert (model.provider, model.model) == ("oracle", "pythia")


async def test_the_doctor_looks_at_it(oracular: Settings) -> None:
    findings = {f.subject: f.found async for f in doctor_of(oracular, partial(bot_runs, oracular)).examine()}
    assert findings["language model"] == "pythia follows a JSON schema"
    assert findings["oracle"] == "speaks in riddles"


def test_a_fault_of_its_settings_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORACLE_KEY", "two words")
    monkeypatch.setenv("MEM0_LLM_PROVIDER", "sibyl")
    with pytest.raises(StartupError) as caught:
        WITH_ORACLE.load_settings(None)
    first, second = sorted(str(caught.value).splitlines())
    assert first.startswith("MEM0_LLM_PROVIDER: ")
    assert "or oracle" in first
    assert second == "ORACLE_KEY: must be one word of ASCII characters; copy it again. Key of the oracle."


def test_what_an_index_was_made_with_may_be_unknown_by_now() -> None:
    settings = load_settings(None).model_copy(update={"embedding_provider": "oracle"})
    assert why_not_embedding(settings).startswith("no provider is named 'oracle'")


@pytest.mark.parametrize(("address", "is_shared"), [(NEAR, True), (REMOTE, False)])
def test_a_server_at_home_that_runs_both_models_has_embedding_gathered(address: str, is_shared: bool) -> None:
    both = {"mem0_llm_provider": "openai-compatible", "embedding_provider": "openai-compatible"}
    assert (gather_seconds(load_settings(None, compatible_base_url=address, **both)) > 0) is is_shared
    assert gather_seconds(load_settings(None, compatible_base_url=address, mem0_llm_provider="openai-compatible")) == 0
