"""Settings from the environment or `.env`, checked at start: a fault is one line with the setting and the way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain import QDRANT_PORT, host_name, snowflake
from bot.settings.choices import EmbeddingProvider, LLMProvider, LogFormat, LogLevel, OllamaFallback

MOST_HOSTS = 64
"""Of one service; each has lines in the metrics."""


class Settings(BaseSettings):
    """Every setting of the program; the environment name is the field's name in capitals."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True)

    discord_token: SecretStr | None = Field(
        None, description="The bot's token (Discord developer portal, Bot). Needed by `run` alone."
    )
    discord_api_url: str | None = Field(
        None, description="Base of Discord's REST API when it is reached through a rate-limit proxy."
    )
    discord_gateway_url: str | None = Field(
        None, description="Address of Discord's gateway when it is reached through a proxy."
    )
    observe_channels: Annotated[tuple[int, ...], NoDecode] = Field(
        (),
        description="Ids of channels or categories, with commas between, that are observed from the first start on.",
    )
    shard_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        (),
        description="Shards of this process, with commas between or as 0-7, where several processes share the servers. "
        "Unset: this process has all of them, as many as Discord advises.",
    )
    shard_count: int | None = Field(
        None, ge=1, le=65536, description="Shards over all processes; belongs to SHARD_IDS."
    )

    data_dir: Path = Field(Path("data"), description="Folder for the database, the index and mem0's files.")
    database_url: SecretStr | None = Field(
        None,
        description="Address of the database: `postgresql://USER:PASSWORD@HOST/DATABASE`, or `sqlite:///PATH`. Unset: "
        "SQLite in DATA_DIR.",
    )
    data_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key that encrypts the embedded database; at least 32 characters, such as `openssl rand -hex 32` "
        "makes. An existing database is encrypted by `python -m bot encrypt`.",
    )
    message_retention_days: int = Field(
        30, ge=1, le=3650, description="Days that messages stay in the log. Discord recommends 30 at most."
    )

    time_zone: str = Field(
        "UTC",
        description="Where most members are, as an IANA name such as America/New_York: their day decides what date "
        "`tomorrow` is in a memory, and when `yesterday`, `in June` or `2026-01-31` begins and ends in a question and "
        "in the options `since` and `until`.",
    )

    mem0_enabled: bool = Field(
        True, description="false: observe and recall by words alone, with no model and no embedding call."
    )
    mem0_llm_provider: LLMProvider = Field(
        LLMProvider.OLLAMA, description="Who extracts memories: ollama (your own machine) or openai."
    )
    ollama_base_url: Annotated[tuple[str, ...], NoDecode] = Field(
        ("http://localhost:11434",),
        description="Where Ollama listens. Several hosts, with commas between and the same models, share the work.",
    )
    ollama_concurrency: int = Field(
        1, ge=1, le=64, description="Calls that each Ollama host works on at once (its own OLLAMA_NUM_PARALLEL)."
    )
    ollama_model: str = Field("llama3.1:8b", min_length=1, description="Model that extracts memories in Ollama.")
    check_model: str | None = Field(
        None,
        min_length=1,
        description="Model that checks what the first one wants to remember; the same one where unset. "
        "bespoke-minicheck only says whether the messages say it, and the first one answers the rest.",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="Key for embeddings (and for extraction where MEM0_LLM_PROVIDER=openai)."
    )
    openai_base_url: str | None = Field(None, description="Another server that speaks OpenAI's protocol.")
    openai_llm_model: str = Field("gpt-4o-mini", min_length=1, description="Model that extracts memories in OpenAI.")
    ollama_fallback: OllamaFallback = Field(
        OllamaFallback.QUEUE,
        description="While Ollama does not answer: queue (messages wait), openai (takes over) or skip (no memories).",
    )
    fallback_after_seconds: float = Field(
        900, ge=0, description="Seconds without an answer of Ollama after which openai or skip comes into force."
    )
    fallback_daily_budget_usd: float = Field(
        1.0, ge=0, description="US dollars that OLLAMA_FALLBACK=openai may cost on one day (UTC); then messages wait."
    )
    embedding_provider: EmbeddingProvider = Field(
        EmbeddingProvider.OPENAI, description="Who embeds memories: openai, ollama or fastembed."
    )
    embedding_model: str = Field("text-embedding-3-small", min_length=1, description="The embedding model.")
    embedding_dims: int = Field(1536, ge=1, le=65536, description="Numbers in one vector of that model.")

    embed_messages: bool = Field(
        False,
        description="true: messages are found by meaning as well. Each is embedded, so this is for embedders at home: "
        "OpenAI would be sent every message.",
    )

    mem0_qdrant_host: str | None = Field(
        None, description="Host of a Qdrant server. Unset (and no MEM0_QDRANT_URL): the embedded index in DATA_DIR."
    )
    mem0_qdrant_port: int = Field(QDRANT_PORT, ge=1, le=65535, description="REST port of that Qdrant server.")
    mem0_qdrant_url: str | None = Field(
        None, description="Full address of a Qdrant server or cluster; its port is 6333 where it names none."
    )
    mem0_qdrant_api_key: SecretStr | None = Field(None, description="Key of that Qdrant server or cluster.")
    mem0_qdrant_shard_number: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Shards of the collection on a Qdrant cluster. Unset: the cluster's own number. A change of "
        "it, and of the next two, takes `python -m bot reindex`.",
    )
    mem0_qdrant_replication_factor: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Copies of each shard, each on a node of its own. Unset: the cluster's own.",
    )
    mem0_qdrant_write_consistency_factor: int | None = Field(
        None, ge=1, le=64, description="Copies that must have taken a write before it counts. Unset: the cluster's own."
    )

    flush_interval_seconds: float = Field(
        3600, gt=0, allow_inf_nan=False, description="A channel's messages wait at most this long for extraction."
    )
    flush_in_bot: bool = Field(
        True,
        description="false: `run` flushes nothing by itself; `python -m bot worker` does, as often as it is started.",
    )
    flush_batch_size: int = Field(
        100, ge=1, le=1000, description="So many waiting messages of a channel start an extraction at once."
    )
    sweep_requests_per_minute: int = Field(
        30,
        ge=0,
        le=600,
        description="Requests for finding what happened unnoticed: edits and deletions while the bot was away (100 "
        "messages each), then deleted accounts (one each). 0: only what is about to be shown is compared.",
    )
    prices_file: Path | None = Field(
        None, description="JSON file with prices that replace the built-in ones (docs/costs.md shows its form)."
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port of /metrics, /healthz and /readyz. Unset: none is opened."
    )
    metrics_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that port is opened on; 0.0.0.0 inside a container or pod."
    )
    log_format: LogFormat = Field(LogFormat.TEXT, description="text for people, json for machines.")
    log_level: LogLevel = Field(LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("observe_channels", mode="before")
    @classmethod
    def _ids(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part for part in re.split(r"[,\s]+", value) if part]
        try:
            return tuple(dict.fromkeys(map(snowflake.parse, parts)))
        except ValueError:
            raise ValueError("must be channel ids with commas between, such as 123456789012345678") from None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be the IANA name of a time zone, such as Europe/Berlin or UTC") from None
        return value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found: list[int] = []
        for part in (part for part in re.split(r"[,\s]+", value) if part):
            ends = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part, re.ASCII)
            if ends is None:
                raise ValueError("must be numbers from 0 on with commas between, or the first and the last as in 0-7")
            first, last = int(ends[1]), int(ends[2] or ends[1])
            if last < first:
                raise ValueError(f"must have the smaller number first: {last}-{first}, not {part}")
            found += range(first, last + 1)
        return tuple(sorted(set(found)))

    @field_validator("openai_base_url", "mem0_qdrant_url", "discord_api_url")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        return value if value is None else _address(value, ("http", "https"))

    @field_validator("mem0_qdrant_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value is not None and "@" in urlsplit(value).netloc:
            raise ValueError(
                "must have no name and password in it, which Qdrant's client does not send; a key goes into "
                "MEM0_QDRANT_API_KEY"
            )
        return value

    @field_validator("ollama_base_url", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not parts or len(parts) > MOST_HOSTS:
            raise ValueError(f"must be one address, or up to {MOST_HOSTS} with commas between")
        hosts: dict[str, str] = {}
        for number, part in enumerate(parts, 1):
            which = f", which number {number} is not" if len(parts) > 1 else ""
            address = _address(part, ("http", "https"), which)
            hosts.setdefault(host_name(address), address)
        return tuple(hosts.values())

    @field_validator("discord_gateway_url")
    @classmethod
    def _gateway_address(cls, value: str | None) -> str | None:
        return value if value is None else _address(value, ("ws", "wss"))

    @field_validator("mem0_qdrant_host")
    @classmethod
    def _bare_host(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+", value):
            raise ValueError(
                "must be a host's name alone, such as qdrant; its port goes into MEM0_QDRANT_PORT, and a full address "
                "(or an IPv6 one, as in http://[::1]:6333) into MEM0_QDRANT_URL"
            )
        return value

    @field_validator("discord_token", "openai_api_key", "mem0_qdrant_api_key")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        word = value.get_secret_value().strip()
        if not word:
            return None
        if not word.isascii() or re.search(r"\s", word):
            raise ValueError("must be one word of ASCII characters; copy it again")
        return SecretStr(word)

    @field_validator("database_url")
    @classmethod
    def _database_address(cls, value: SecretStr | None) -> SecretStr | None:
        known = ("sqlite:///", "postgresql://", "postgres://")
        if value is not None and not value.get_secret_value().startswith(known):
            raise ValueError(
                "must be an address such as postgresql://user:password@host/database, or of a SQLite file such as "
                "sqlite:///data/memory.db, or stay unset"
            )
        return value

    @field_validator("mem0_qdrant_write_consistency_factor")
    @classmethod
    def _not_above_copies(cls, value: int | None, info: ValidationInfo) -> int | None:
        copies = info.data.get("mem0_qdrant_replication_factor")
        if value is not None and copies is not None and value > copies:
            raise ValueError(f"must not be above MEM0_QDRANT_REPLICATION_FACTOR, which is {copies}")
        return value

    @model_validator(mode="after")
    def _shards(self) -> Self:
        if bool(self.shard_ids) != (self.shard_count is not None):
            raise PydanticCustomError("shards", "SHARD_IDS and SHARD_COUNT belong together: set both, or neither")
        if self.shard_count is not None and self.shard_ids[-1] >= self.shard_count:
            raise PydanticCustomError(
                "shards",
                "SHARD_IDS: {last} is no shard of {count}; SHARD_COUNT={count} has 0 to {end}",
                {"last": self.shard_ids[-1], "count": self.shard_count, "end": self.shard_count - 1},
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of TIME_ZONE."""
        return ZoneInfo(self.time_zone)

    @property
    def has_all_shards(self) -> bool:
        """Whether every server that the bot is in is this process's to serve."""
        return self.shard_count is None or len(self.shard_ids) == self.shard_count

    @property
    def leads(self) -> bool:
        """Whether this process does what one has to do for all: the one with the first shard."""
        return self.has_all_shards or 0 in self.shard_ids

    @property
    def uses_database_server(self) -> bool:
        """Whether the database is on a PostgreSQL server rather than in a file."""
        return self.database_url is not None and self.database_url.get_secret_value().startswith("postgres")

    @property
    def uses_qdrant_server(self) -> bool:
        """Whether the index is on a Qdrant server rather than embedded."""
        return self.mem0_qdrant_url is not None or self.mem0_qdrant_host is not None

    @property
    def may_fall_back_to_openai(self) -> bool:
        """Whether OpenAI extracts while Ollama does not answer."""
        ollama = self.mem0_llm_provider is LLMProvider.OLLAMA
        return self.mem0_enabled and ollama and self.ollama_fallback is OllamaFallback.OPENAI

    @property
    def needs_openai_key(self) -> bool:
        """Whether anything in force calls OpenAI."""
        return self.mem0_enabled and (
            self.embedding_provider is EmbeddingProvider.OPENAI
            or self.mem0_llm_provider is LLMProvider.OPENAI
            or self.may_fall_back_to_openai
        )

    @property
    def has_openai_key(self) -> bool:
        """Whether a key for OpenAI is set."""
        return self.openai_api_key is not None

    def secrets(self) -> list[str]:
        """Every secret value that is set, for keeping it out of the logs."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def missing_key_error(self) -> str:
        """The line that names the ways out of a missing OPENAI_API_KEY."""
        return (
            "OPENAI_API_KEY is not set: set it, or embed at home with EMBEDDING_PROVIDER=ollama (for instance "
            "EMBEDDING_MODEL=nomic-embed-text EMBEDDING_DIMS=768) and MEM0_LLM_PROVIDER=ollama, or set "
            "MEM0_ENABLED=false to search messages by words alone"
        )


def _address(value: str, schemes: tuple[str, ...], which: str = "") -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        httpx.URL(value)
    except (ValueError, httpx.InvalidURL):  # a port that is no number, or a host that is no name
        sound = False
    if not sound or re.search(r"\s", value):
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must be an address that begins with {begins} and has no white space in it{which}")
    return value.rstrip("/")
