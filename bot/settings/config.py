"""Settings from the environment or `.env`, checked at start: a fault is one line with the setting and the way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain import QDRANT_PORT, snowflake
from bot.settings.choices import LogFormat, LogLevel
from bot.settings.fields import HttpAddress, Key, WebSocketAddress


class Settings(BaseSettings):
    """The settings of the program itself; the environment name is the field's name in capitals.

    Those of its parts, such as the providers of models, are declared by them (`bot.settings.sections`).
    """

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True, str_strip_whitespace=True
    )

    discord_token: Key = Field(
        None, description="The bot's token (Discord developer portal, Bot). Needed by `run` alone."
    )
    discord_api_url: HttpAddress | None = Field(
        None, description="Base of Discord's REST API when it is reached through a rate-limit proxy."
    )
    discord_gateway_url: WebSocketAddress | None = Field(
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
    erasures_file: Path | None = Field(
        None,
        description="File in which it is noted what was erased, for `python -m bot restore`: ids and keyed hashes, "
        "never a text. Unset: erasures.jsonl in DATA_DIR; better on another disk. Several processes need it named; the "
        "one with shard 0 writes it.",
    )
    message_retention_days: int = Field(
        30, ge=1, le=3650, description="Days that messages stay in the log. Discord recommends 30 at most."
    )

    time_zone: str = Field(
        "UTC",
        description="Where most members are, as an IANA name such as America/New_York, in servers that chose no time "
        "zone in `/memory settings`: their day decides what date `tomorrow` is in a memory, and when `yesterday`, "
        "`in June` or `2026-01-31` begins and ends in a question and in the options `since` and `until`.",
    )

    mem0_enabled: bool = Field(
        True, description="false: observe and recall by words alone, with no model and no embedding call."
    )
    mem0_llm_provider: str = Field("ollama", description="Who extracts memories.")
    check_model: str | None = Field(
        None,
        min_length=1,
        description="Model that checks what the first one remembers or answers; the same one where unset. "
        "bespoke-minicheck only says whether the messages say it, and the first one answers the rest.",
    )
    ollama_fallback: str = Field("queue", description="What is done while Ollama does not answer.")
    fallback_after_seconds: float = Field(
        900, ge=0, description="Seconds without an answer of Ollama after which OLLAMA_FALLBACK comes into force."
    )
    fallback_daily_budget_usd: float = Field(
        1.0,
        ge=0,
        description="US dollars a day (UTC) for the provider that takes over; when they are spent, messages wait.",
    )
    own_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts that are your own although their addresses do not show it, with commas between. Members are "
        "told that what goes to any other host goes over the internet. Addresses in a local network need not be named, "
        "nor names without a dot or under .local, .internal, .lan or .home.arpa.",
    )
    embedding_provider: str = Field("openai", description="Who embeds memories.")
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
    mem0_qdrant_url: HttpAddress | None = Field(
        None, description="Full address of a Qdrant server or cluster; its port is 6333 where it names none."
    )
    mem0_qdrant_api_key: Key = Field(None, description="Key of that Qdrant server or cluster.")
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
    web_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port on 127.0.0.1 of the operator's page beside the bot; the link that opens it is in `web-link` "
        "in DATA_DIR. Unset: `python -m bot web` alone opens it.",
    )
    log_format: LogFormat = Field(LogFormat.TEXT, description="text for people, json for machines.")
    log_level: LogLevel = Field(LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("*", mode="before")
    @classmethod
    def _of_characters(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("must not hold a NUL character: write it anew")
        return value

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

    @field_validator("own_hosts", mode="before")
    @classmethod
    def _host_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = tuple(dict.fromkeys(part.lower() for part in re.split(r"[,\s]+", value) if part))
        if any("/" in name for name in names):
            raise ValueError("must be names of hosts alone, such as gpu1.example.org, without http:// and paths")
        return names

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
        numbers: list[int] = []
        for part in (part for part in re.split(r"[,\s]+", value) if part):
            ends = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part, re.ASCII)
            if ends is None:
                raise ValueError("must be numbers from 0 on with commas between, or the first and the last as in 0-7")
            first, last = int(ends[1]), int(ends[2] or ends[1])
            if last < first:
                raise ValueError(f"must have the smaller number first: {last}-{first}, not {part}")
            numbers += range(first, last + 1)
        return tuple(sorted(set(numbers)))

    @field_validator("mem0_qdrant_url")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        if value is not None and "@" in urlsplit(value).netloc:
            raise ValueError(
                "must have no name and password in it, which Qdrant's client does not send; a key goes into "
                "MEM0_QDRANT_API_KEY"
            )
        return value

    @field_validator("mem0_qdrant_host")
    @classmethod
    def _bare_host(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+", value):
            raise ValueError(
                "must be a host's name alone, such as qdrant; its port goes into MEM0_QDRANT_PORT, and a full address "
                "(or an IPv6 one, as in http://[::1]:6333) into MEM0_QDRANT_URL"
            )
        return value

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
    def erasures_path(self) -> Path:
        """Where it is noted what was erased."""
        return self.erasures_file or self.data_dir / "erasures.jsonl"

    @property
    def uses_database_server(self) -> bool:
        """Whether the database is on a PostgreSQL server rather than in a file."""
        return self.database_url is not None and self.database_url.get_secret_value().startswith("postgres")

    @property
    def uses_qdrant_server(self) -> bool:
        """Whether the index is on a Qdrant server rather than embedded."""
        return self.mem0_qdrant_url is not None or self.mem0_qdrant_host is not None

    def secrets(self) -> list[str]:
        """Every secret value that is set, for keeping it out of the logs."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def lacking(self) -> list[str]:
        """A line for each setting that is not set although the others need it; parts add their own."""
        return []
