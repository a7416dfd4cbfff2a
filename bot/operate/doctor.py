"""Checks of every setting and service, each with what to do about it."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import AnswerError, Finding, InUse, ServiceError, StartupError, Verdict
from bot.index import qdrant_of
from bot.llm import providers_of
from bot.operate.capacity import Load, judge
from bot.operate.discord_check import examine_discord
from bot.operate.embedding_check import AT_ONCE, EmbeddingFacts
from bot.operate.index_check import IndexFacts, examine_qdrant, index_fault, index_finding
from bot.operate.traffic import GuildTraffic, together
from bot.operate.waiting import Delays
from bot.settings import Settings, misspelt_names
from bot.storage import Database, advice_on, memories, messages, outbox

PROBE_BYTES = 1024 * 1024
"""Of the file that is written to see whether one can be: a flush of some thousand messages."""

SERVERS_SHOWN = 10
"""Servers that have a line of their own; the others share one."""

NAME_CHARS = 24
"""Of a server's name, so that a line stays short."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What an opened database tells."""

    where: str
    messages: int
    memories: int


class Doctor:
    """Runs the checks. What has to be opened is handed in as functions, so that one fault does not hide the others.

    Args:
        settings: checked settings.
        store: opens the database and tells.
        load: opens the database and counts what there is.
        traffic: opens the database and counts by server, the largest backlog first; with the servers' names.
        index: opens the vector index and tells.
        embed: embeds what the work may ask for.
        prove: asks the language models for both kinds of answers about a line of our own.
        bot_runs: takes the lock of the data folder for a moment; whether a bot holds it.
        delays: opens the database and looks for what is not done, though it was tried.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Callable[[], Awaitable[StoreFacts]],
        load: Callable[[], Awaitable[Load]],
        traffic: Callable[[], Awaitable[tuple[Sequence[GuildTraffic], Mapping[int, str]]]],
        index: Callable[[], Awaitable[IndexFacts]],
        embed: Callable[[], Awaitable[EmbeddingFacts]],
        prove: Callable[[], Awaitable[None]],
        bot_runs: Callable[[], Awaitable[bool]],
        delays: Callable[[], Awaitable[Delays]],
    ) -> None:
        self._settings = settings
        self._store = store
        self._load = load
        self._traffic = traffic
        self._index = index
        self._embed = embed
        self._prove = prove
        self._bot_runs = bot_runs
        self._delays = delays

    async def examine(self) -> AsyncIterator[Finding]:
        """Every finding, as soon as it is there."""
        for finding in self._misspelt():
            yield finding
        yield await self._folder()
        database = await self._database()
        yield database
        yield self._at_rest()
        usable = database.verdict is not Verdict.FAULT
        if usable:
            for finding in await self._limits():
                yield finding
            yield await self._servers()
        if self._settings.mem0_enabled:
            async for finding in self._memories(usable=usable):
                yield finding
        else:
            yield Finding("memories", Verdict.SKIPPED, "MEM0_ENABLED=false: messages are searched by words alone")
        if usable:
            yield await self._waiting()
        else:
            subjects = "limits, servers, both calls, embeddings, vector store, what waits"
            yield Finding(subjects, Verdict.SKIPPED, "the database can't be used")
        yield await examine_discord(self._settings)

    async def _memories(self, *, usable: bool) -> AsyncIterator[Finding]:
        """What makes and finds memories; where the database is not usable the models alone."""
        sound = True
        async for finding in self._models():
            sound &= finding.verdict is not Verdict.FAULT
            yield finding
        if usable:
            yield await self._calls() if sound else Finding("both calls", Verdict.SKIPPED, "the model is at fault")
            yield await self._embeddings()
            async for finding in self._index_findings():
                yield finding

    def _misspelt(self) -> list[Finding]:
        return [
            Finding(
                "settings",
                Verdict.WARNING,
                f"{name} is not a setting of this program",
                f"write {setting}" if setting else "see .env.example",
            )
            for name, setting in misspelt_names(type(self._settings)).items()
        ] or [Finding("settings", Verdict.OK, "all valid")]

    async def _folder(self) -> Finding:
        """Whether the data folder takes a lock and a file."""
        folder = self._settings.data_dir
        try:
            runs = await self._bot_runs()
            await asyncio.to_thread(_write_in, folder)
        except StartupError as error:
            return Finding("data folder", Verdict.FAULT, str(error))
        except SQLAlchemyError as error:  # a bot elsewhere is asked for in the database
            return Finding("data folder", Verdict.SKIPPED, f"the database can't be used ({type(error).__name__})")
        except OSError as error:
            todo = "see that the disk has room, and that the bot's user may write there"
            return Finding("data folder", Verdict.FAULT, f"no file can be written in {folder} ({error.strerror})", todo)
        held = "held by the bot, which is running" if runs else "free"
        return Finding("data folder", Verdict.OK, f"{folder}: a file can be written, the lock is {held}")

    async def _database(self) -> Finding:
        try:
            facts = await self._store()
        except StartupError as error:
            return Finding("database", Verdict.FAULT, str(error))
        except SQLAlchemyError as error:
            what, todo = advice_on(error) or (
                f"not to be used ({type(error).__name__})",
                "check DATABASE_URL, DATA_DIR and the disk",
            )
            return Finding("database", Verdict.FAULT, f"it is {what}", todo)
        return Finding(
            "database", Verdict.OK, f"{facts.where}: {facts.messages:,} messages, {facts.memories:,} memories"
        )

    async def _limits(self) -> list[Finding]:
        try:
            load = await self._load()
        except (StartupError, SQLAlchemyError):
            return [Finding("limits", Verdict.SKIPPED, "the database can't be used")]
        settings = self._settings
        return judge(
            load,
            extracts=settings.mem0_enabled,
            retention_days=settings.message_retention_days,
            qdrant=settings.uses_qdrant_server,
        )

    async def _servers(self) -> Finding:
        """What comes in, and whose messages wait; a table where there are several servers."""
        try:
            servers, names = await self._traffic()
        except (StartupError, SQLAlchemyError):
            return Finding("servers", Verdict.SKIPPED, "the database can't be used")
        all_of_them = together(servers)
        speaking = sum(each.last_day > 0 for each in servers)
        sentence = (
            f"{all_of_them.last_hour:,} messages came in within an hour, {all_of_them.last_day:,} within 24 hours from "
            f"{speaking:,} server{'s' * (speaking != 1)}; {all_of_them.pending:,} wait, the oldest for "
            f"{waited(all_of_them.oldest_seconds)}; {all_of_them.memories:,} memories were made within 24 hours"
        )
        return Finding("servers", Verdict.OK, sentence, table=_table(servers, names) if len(servers) > 1 else ())

    def _at_rest(self) -> Finding:
        """What protects the files: encryption, and who may read them."""
        key = self._settings.data_key is not None
        sentence = f"the database is {'encrypted' if key else 'not encrypted (DATA_KEY is not set)'}"
        if self._settings.uses_database_server:
            sentence = "the database is on a PostgreSQL server, which needs an encrypted volume"
        folder = self._settings.data_dir
        open_to_others = sum(map(_others_may_read, [folder, *folder.rglob("*")]))
        if self._settings.uses_qdrant_server:
            sentence += "; a Qdrant server needs an encrypted volume"
        if open_to_others:
            todo = f"chmod -R go-rwx {folder}"
            return Finding("at rest", Verdict.WARNING, f"{sentence}; others may read {open_to_others} files", todo)
        return Finding("at rest", Verdict.OK, f"{sentence}; files are for the bot's user alone")

    async def _models(self) -> AsyncIterator[Finding]:
        """What the providers find of their models."""
        providers = providers_of(self._settings)
        model, substitute = providers.model(self._settings), providers.substitute(self._settings)
        async for finding in model.examine(model.models):
            yield finding
        if substitute is not None:
            async for finding in substitute.examine({substitute.model: substitute.model_setting}):
                yield finding
        async for finding in providers.embedder(self._settings).examine():
            yield finding

    async def _calls(self) -> Finding:
        """Whether the models answer as the work asks them: what they propose, and how they judge it."""
        try:
            await self._prove()
        except AnswerError as error:
            todo = "choose another model; docs/ollama.md names some; until then messages wait and are searched by words"
            sentence = f"a model gives no usable answer about a line of this program's own ({error})"
            return Finding("both calls", Verdict.FAULT, sentence, todo)
        except (ServiceError, StartupError) as error:
            return Finding("both calls", Verdict.FAULT, *_until(error, "messages wait and are searched by words"))
        except SQLAlchemyError:
            return Finding("both calls", Verdict.SKIPPED, "the database can't be used")
        return Finding("both calls", Verdict.OK, "the model proposes and judges statements as it is asked to")

    async def _embeddings(self) -> Finding:
        embedder = providers_of(self._settings).embedder(self._settings)
        what = f"{embedder.label}, {embedder.model}"
        try:
            facts = await self._embed()
        except (ServiceError, StartupError) as error:
            found, todo = _until(error, "memories are searched by words")
            return Finding("embeddings", Verdict.FAULT, f"{what}: {found}", todo)
        except SQLAlchemyError:
            return Finding("embeddings", Verdict.SKIPPED, f"{what}: the database can't be used")
        if self._settings.embed_messages and embedder.is_outside:
            sent = f"{what}: EMBED_MESSAGES sends it every message"
            return Finding("embeddings", Verdict.WARNING, sent, "embed at home (EMBEDDING_PROVIDER), or switch it off")
        sentence = f"{what}, {self._settings.embedding_dims} numbers"
        if facts.at_once < AT_ONCE:
            sentence += f"; texts that it takes at once: {facts.at_once}, so that filling the index takes longer"
        if facts.longest is None:
            return Finding("embeddings", Verdict.OK, sentence)
        sentence += f"; of long texts it reads the first {facts.longest:,} characters or so"
        if not self._settings.embed_messages:
            return Finding("embeddings", Verdict.OK, sentence)
        todo = "choose an EMBEDDING_MODEL with a longer window, or leave it: the rest is found by its words"
        return Finding("embeddings", Verdict.WARNING, sentence, todo)

    async def _waiting(self) -> Finding:
        """What was tried and is not done, and why."""
        try:
            delays = await self._delays()
        except (StartupError, SQLAlchemyError):
            return Finding("what waits", Verdict.SKIPPED, "the database can't be used")
        sentence = "; ".join(delays.lines)
        if delays.removals:
            return Finding("what waits", Verdict.FAULT, sentence, "mend this first: until then it is not gone")
        if delays.waiting:
            return Finding(
                "what waits", Verdict.WARNING, sentence, "mend what it waits for, as said above; nothing is lost"
            )
        if delays.parts:
            return Finding("what waits", Verdict.WARNING, sentence, "nothing, if it heals by itself; else see the log")
        if delays.aside:
            todo = "nothing else is held up by it; another model, or a newer version, may be able to do it"
            return Finding("what waits", Verdict.WARNING, sentence, todo)
        return Finding("what waits", Verdict.OK, "nothing that was tried")

    async def _index_findings(self) -> AsyncIterator[Finding]:
        """The server that the index is on, where it is on one, and the index."""
        address, answers = qdrant_of(self._settings), True
        if address is not None:
            async for finding in examine_qdrant(address):
                answers &= finding.verdict is not Verdict.FAULT
                yield finding
        yield await self._vectors() if answers else Finding("vector store", Verdict.SKIPPED, "Qdrant is at fault")

    async def _vectors(self) -> Finding:
        try:
            facts = await self._index()
        except InUse:
            return Finding("vector store", Verdict.OK, "held by the bot, which is running")
        except (StartupError, ServiceError, OSError) as error:
            return index_fault(error)
        except SQLAlchemyError:
            return Finding("vector store", Verdict.SKIPPED, "the database can't be used")
        what = "memories and messages" if self._settings.embed_messages else "memories"
        return index_finding(facts, what)


def _until(error: ServiceError | StartupError, then: str) -> tuple[str, str]:
    """What happened, and what to do and what holds until then."""
    if isinstance(error, ServiceError):
        return error.what, f"{error.todo or 'mend it'}; until then {then}"
    return str(error), f"mend it; until then {then}"


def waited(seconds: float) -> str:
    """A time of waiting as it is read: in its largest whole unit."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _table(servers: Sequence[GuildTraffic], names: Mapping[int, str]) -> list[Sequence[str]]:
    """The servers with the largest backlog, and the others together."""
    rows: list[Sequence[str]] = [("server", "", "waiting", "oldest", "in an hour", "in 24 h", "memories in 24 h")]
    for each in servers[:SERVERS_SHOWN]:
        name = names.get(each.guild_id or 0, "")
        rows.append((str(each.guild_id), name[:NAME_CHARS], *_figures(each)))
    if others := servers[SERVERS_SHOWN:]:
        rows.append((f"{len(others):,} others", "", *_figures(together(others))))
    return rows


def _figures(of: GuildTraffic) -> tuple[str, ...]:
    oldest = waited(of.oldest_seconds) if of.pending else ""
    return f"{of.pending:,}", oldest, f"{of.last_hour:,}", f"{of.last_day:,}", f"{of.memories:,}"


def _others_may_read(path: Path) -> bool:
    """Whether anybody else may; a group with the user's own number is the user's alone, as `fsGroup` makes volumes."""
    try:
        status = path.lstat()
    except OSError:  # not there yet, gone since it was listed, or not to be seen by this user
        return False
    own_group = status.st_gid == os.getegid() == os.geteuid()
    return bool(status.st_mode & (stat.S_IRWXO if own_group else stat.S_IRWXG | stat.S_IRWXO))


def _write_in(folder: Path) -> None:
    """Write a file in a folder, to the disk, and remove it.

    Raises:
        OSError: it can't be written.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())


async def look_into(db: Database, data_dir: Path) -> StoreFacts:
    """What the database holds.

    Raises:
        StartupError: it is damaged.
    """
    db.check_undamaged(await db.damage())
    async with db.read() as connection:
        return StoreFacts(
            f"{db.dialect} in {data_dir}" if db.dialect == "sqlite" else db.dialect,
            await connection.scalar(select(func.count()).select_from(messages)) or 0,
            await connection.scalar(select(func.count()).select_from(memories)) or 0,
        )


async def waiting_for_index(db: Database) -> int:
    """How many changes the vector index has yet to take."""
    async with db.read() as connection:
        return await connection.scalar(select(func.count()).select_from(outbox)) or 0
