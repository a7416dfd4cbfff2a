"""Settings: each fault is one line that names the setting and the way out, and never a secret."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from bot.domain.errors import StartupError
from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.llm.providers.ollama import OllamaSettings
from bot.llm.providers.openai import OpenAISettings
from bot.settings.documents import environment_file
from bot.settings.loading import check_for_run, misspelt_names
from tests.fixtures.hostile import NO_SNOWFLAKES

ROOT = Path(__file__).parents[2]


def test_defaults_are_those_of_the_design() -> None:
    settings = load_settings(None)
    assert OllamaSettings.of(settings).ollama_base_url == ("http://localhost:11434",)
    assert OllamaSettings.of(settings).ollama_model == "llama3.1:8b"
    assert settings.embedding_model == "text-embedding-3-small"
    assert (settings.embedding_dims, settings.flush_interval_seconds, settings.flush_batch_size) == (1536, 3600, 100)
    assert settings.message_retention_days == 30
    assert settings.mem0_enabled


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("EMBEDDING_DIMS", "many", "must be a whole number from 1 to 65536 (it is 'many')"),
        ("FLUSH_BATCH_SIZE", "0", "from 1 to 1000"),
        ("FLUSH_INTERVAL_SECONDS", "-5", "above 0"),
        ("FALLBACK_AFTER_SECONDS", "-5", "from 0 on"),
        ("OLLAMA_MODEL", " ", "at least 1 character"),
        ("DATA_KEY", "hunter2", "must be text of at least 32 characters. Key that encrypts"),
        ("OWN_HOSTS", "https://gpu1", "names of hosts alone"),
        ("MEM0_LLM_PROVIDER", "claude", "or openai-compatible (it is 'claude')"),
        ("OLLAMA_BASE_URL", "localhost:11434", "http:// or https://"),
        ("DISCORD_GATEWAY_URL", "https://gateway", "ws:// or wss://"),
        ("OBSERVE_CHANNELS", "12, general", "channel ids"),
        *(("OBSERVE_CHANNELS", f"12, {number}", "channel ids") for number in NO_SNOWFLAKES),
        ("MESSAGE_RETENTION_DAYS", "0", "from 1 to 3650"),
        ("OLLAMA_BASE_URL", "http://localhost:notaport", "http:// or https://"),
        ("MEM0_QDRANT_HOST", "http://localhost", "MEM0_QDRANT_URL"),
        ("MEM0_QDRANT_HOST", "qdrant:6333", "MEM0_QDRANT_PORT"),
        ("MEM0_QDRANT_HOST", "::1", "MEM0_QDRANT_URL"),
        ("MEM0_QDRANT_URL", "http://bot:hunter2@qdrant:6333", "MEM0_QDRANT_API_KEY"),
        ("MEM0_QDRANT_URL", "http://one http://other", "no white space"),
        ("MEM0_QDRANT_URL", "http://[::1", "http:// or https://"),
        (
            "OLLAMA_BASE_URL",
            "http://gpu1:11434 http://gpu2:11434",
            "no white space in it. Where Ollama listens. Several",
        ),
        ("OPENAI_BASE_URL", "http://\u00e4..example:8000", "http:// or https://"),
        ("FLUSH_INTERVAL_SECONDS", "inf", "finite"),
        ("DATABASE_URL", "sqlite+foo://x", "SQLite"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x", "SQLite"),
        ("MEM0_QDRANT_PORT", "99999", "from 1 to 65535"),
        ("TIME_ZONE", "Europe/Bremen", "IANA name"),
        ("TIME_ZONE", "Europe", "IANA name"),
        ("TIME_ZONE", "../etc/passwd", "IANA name"),
    ],
)
def test_a_fault_is_one_line_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StartupError) as caught:
        load_settings(None)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert expected in message
    assert "\n" not in message
    assert "hunter2" not in message


WRONG = (
    "",
    " ",
    "-1",
    "1.5",
    "nan",
    "1e999",
    "9" * 5_000,
    "x" * 100,
    "qz canary",
    "\u00e9",
    "a\nb",
    "{}",
    "[1]",
    "://",
)
FREE = {"DATA_DIR", "ERASURES_FILE", "PRICES_FILE", "METRICS_HOST", "CHECK_MODEL", "EMBEDDING_MODEL", "OWN_HOSTS"}
"""Settings that may be any text, beside the names of models."""


@pytest.mark.parametrize("name", [name.upper() for name in PROVIDERS.settings_type.model_fields])
@pytest.mark.matrix(fast=3)
def test_a_wrong_value_of_any_setting_is_one_line_of_our_own_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    faults = []
    for value in WRONG:
        monkeypatch.setenv(name, value)
        with suppress(StartupError):
            load_settings(None)
            continue
        with pytest.raises(StartupError) as caught:
            load_settings(None)
        faults.append(str(caught.value))
    assert faults or name in FREE or name.endswith("_MODEL")
    for fault in faults:
        assert fault.startswith((f"{name}: must ", "SHARD_IDS and SHARD_COUNT belong together"))
        assert "\n" not in fault
        assert not re.search(r"[Ii]nput|[Vv]alid |type=|pydantic|unable|items after", fault)
        assert "canary" not in fault or not re.search("KEY|TOKEN|URL", name)


def test_a_line_of_the_settings_file_that_is_none_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / ".env"
    file.write_text("OLLAMA_MODEL=m\n\n= qzcanary\nFLUSH_BATCH_SIZE='7\n")
    with pytest.raises(StartupError) as caught:
        load_settings(file)
    third, fourth = str(caught.value).splitlines()
    assert third == f"{file}, line 3: not NAME=value: mend it, or put a # before it"
    assert fourth.startswith(f"{file}, line 4: ")
    assert capfd.readouterr().err == ""


def test_every_fault_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDING_DIMS", "x")
    monkeypatch.setenv("MEM0_ENABLED", "perhaps")
    with pytest.raises(StartupError) as caught:
        load_settings(None)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["MEM0_ENABLED", "EMBEDDING_DIMS"]


def test_white_space_around_an_address_does_no_harm() -> None:
    assert load_settings(None, mem0_qdrant_url=" http://qdrant:6333/ ").mem0_qdrant_url == "http://qdrant:6333"


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MODEL", "")
    monkeypatch.setenv("OBSERVE_CHANNELS", "")
    settings = load_settings(None)
    assert OllamaSettings.of(settings).ollama_model == "llama3.1:8b"
    assert settings.observe_channels == ()


def test_a_blank_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    assert OpenAISettings.of(load_settings(None)).openai_api_key is None


def test_a_key_with_a_stray_character_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-qzcanary\u00e9")
    with pytest.raises(StartupError, match="OPENAI_API_KEY: must be one word") as caught:
        load_settings(None)
    assert "canary" not in str(caught.value)


def test_a_settings_file_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("OLLAMA_MODEL=modèle\n".encode("latin-1"))
    with pytest.raises(StartupError, match="not text in UTF-8"):
        load_settings(file)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OLLAMA_MODEL=mistral:7b\nFLUSH_BATCH_SIZE=7\nOBSERVE_CHANNELS=5, 6,5\n")
    monkeypatch.setenv("OLLAMA_MODEL", "phi3:mini")
    settings = load_settings(file)
    assert (OllamaSettings.of(settings).ollama_model, settings.flush_batch_size) == ("phi3:mini", 7)
    assert settings.observe_channels == (5, 6)


def test_running_without_token_and_key_names_the_ways_out() -> None:
    with pytest.raises(StartupError) as caught:
        check_for_run(load_settings(None))
    token, key = str(caught.value).splitlines()
    assert token.startswith("DISCORD_TOKEN")
    assert "EMBEDDING_PROVIDER=ollama" in key
    assert "MEM0_ENABLED=false" in key


@pytest.mark.parametrize("overrides", [{"mem0_enabled": False}, {"embedding_provider": "ollama"}])
def test_no_key_is_needed_where_nothing_calls_openai(overrides: dict[str, object]) -> None:
    check_for_run(load_settings(None, discord_token="t", **overrides))


def test_several_hosts_of_ollama() -> None:
    told = " http://gpu1:11434/, https://bot:pw@gpu2 ,http://gpu1:11434"
    assert OllamaSettings.of(load_settings(None, ollama_base_url=told)).ollama_base_url == (
        "http://gpu1:11434",
        "https://bot:pw@gpu2",
    )


@pytest.mark.parametrize("other", ["http://gpu1:11434", "http://bot:pw@GPU1:11434/", "https://gpu1:11434"])
def test_a_host_of_ollama_that_is_named_twice_is_one(other: str) -> None:
    assert OllamaSettings.of(load_settings(None, ollama_base_url=f"http://GPU1:11434,{other}")).ollama_base_url == (
        "http://GPU1:11434",
    )


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("gpu1:11434", "OLLAMA_BASE_URL: must be an address that begins with http:// or https:// and has no white"),
        ("http://gpu1,bot:hush@gpu2", "no white space in it, which number 2 is not. Where"),
        (",", "OLLAMA_BASE_URL: must be one address, or up to 64 with commas between."),
        (",".join(f"http://gpu{n}" for n in range(65)), "must be one address, or up to 64"),
    ],
)
def test_a_list_of_hosts_with_a_fault_is_told_in_one_line(told: str, line: str) -> None:
    with pytest.raises(StartupError) as caught:
        load_settings(None, ollama_base_url=told)
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert "hush" not in str(caught.value)


def test_no_more_copies_can_confirm_a_write_than_there_are() -> None:
    with pytest.raises(StartupError, match=r"MEM0_QDRANT_WRITE_CONSISTENCY_FACTOR: must not be above MEM0_.*is 2"):
        load_settings(None, mem0_qdrant_replication_factor=2, mem0_qdrant_write_consistency_factor=3)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-qzcanary")
    monkeypatch.setenv("DISCORD_TOKEN", "wvcanary")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///vxcanary")
    settings = load_settings(None)
    assert "canary" not in f"{settings!r} {settings.model_dump_json()}"


def test_the_example_file_is_what_the_code_says() -> None:
    assert (ROOT / ".env.example").read_text() == environment_file(PROVIDERS.settings_type)


def test_the_example_file_can_be_used_as_it_is() -> None:
    assert load_settings(ROOT / ".env.example") == load_settings(None)
    assert all(field.description for field in PROVIDERS.settings_type.model_fields.values())


def test_misspelt_names_are_noticed(tmp_path: Path) -> None:
    environment = {"FLUSH_INTERVAL": "5", "MEM0_DIR": "x", "OLLAMA_MODEL": "m", "OLLAMA_MODELS": "/x", "PATH": "/bin"}
    file = tmp_path / ".env"
    file.write_text("DISCORD_TOKE=x\nOLLAMA_MODEL=m\nWHATEVER=1\n")
    assert misspelt_names(PROVIDERS.settings_type, environment, None) == {"FLUSH_INTERVAL": "FLUSH_INTERVAL_SECONDS"}
    assert misspelt_names(PROVIDERS.settings_type, {}, file) == {"DISCORD_TOKE": "DISCORD_TOKEN", "WHATEVER": ""}
    assert misspelt_names(PROVIDERS.settings_type, {}, tmp_path / "absent") == {}


def test_shards_are_numbers_or_ranges_of_them() -> None:
    settings = load_settings(None, shard_ids="0-2, 5", shard_count=8)
    assert settings.shard_ids == (0, 1, 2, 5)
    assert (settings.leads, settings.has_all_shards) == (True, False)
    assert not load_settings(None, shard_ids="1", shard_count=2).leads
    alone = load_settings(None)
    assert (alone.leads, alone.has_all_shards) == (True, True)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"shard_ids": "0"}, "SHARD_IDS and SHARD_COUNT belong together: set both, or neither"),
        ({"shard_count": 2}, "SHARD_IDS and SHARD_COUNT belong together: set both, or neither"),
        ({"shard_ids": "1-2", "shard_count": 2}, "SHARD_IDS: 2 is no shard of 2; SHARD_COUNT=2 has 0 to 1"),
        ({"shard_ids": "first", "shard_count": 2}, "SHARD_IDS: must be numbers from 0 on"),
        ({"shard_ids": "7-4", "shard_count": 8}, "SHARD_IDS: must have the smaller number first: 4-7, not 7-4"),
        ({"shard_ids": "0", "shard_count": 0}, "SHARD_COUNT: must be a whole number from 1 to 65536"),
    ],
)
def test_a_fault_of_shards_is_one_line(overrides: dict[str, object], line: str) -> None:
    with pytest.raises(StartupError) as caught:
        load_settings(None, **overrides)
    assert str(caught.value).startswith(line)
    assert len(str(caught.value).splitlines()) == 1


def test_several_processes_need_servers_that_they_share() -> None:
    one_of_two = {"discord_token": "t", "openai_api_key": "k", "shard_ids": "1", "shard_count": 2}
    with pytest.raises(StartupError) as caught:
        check_for_run(load_settings(None, **one_of_two))
    database, index = str(caught.value).splitlines()
    assert "PostgreSQL" in database
    assert "Qdrant" in index
    servers = {"database_url": "postgresql://b@h/d", "mem0_qdrant_url": "http://q:6333"}
    check_for_run(load_settings(None, **one_of_two, **servers))
    first = one_of_two | servers | {"shard_ids": "0"}
    with pytest.raises(StartupError, match=r"^ERASURES_FILE is not set: .* name a file"):
        check_for_run(load_settings(None, **first))
    check_for_run(load_settings(None, **first, erasures_file="/mnt/erasures.jsonl"))
    check_for_run(load_settings(None, **one_of_two | {"shard_ids": "0-1"}))
