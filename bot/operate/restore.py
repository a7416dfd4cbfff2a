"""Puts a backup in the place of the database, without what was erased since it was made."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.domain import InUse, UserError, snowflake
from bot.forget import open_reapplying
from bot.guilds import SubjectHasher
from bot.index import ask_to_take_over
from bot.operate.copying import copy_all
from bot.storage import (
    BACKUP_MADE,
    DATABASE_FILE,
    KNOWN_SQL,
    LINES_KEPT_MS,
    LINES_SINCE,
    ErasureLine,
    ErasuresFile,
    FileError,
    Installation,
    Known,
    LineKind,
    check_file,
    clear,
    count_others,
    data_key,
    database_address,
    database_file,
    held_file,
    is_plain,
    known_in,
    known_of,
    new_file,
    newest_time,
    open_store,
    opened_file,
    others_connected,
    private_folder,
    put_in_place,
    restoring_folder,
    setting_of,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Clock
    from bot.settings import Settings

_RUNS: Final = "DATABASE_URL: a process of this program runs on that database: stop all of them, and try again"
_STARTED: Final = (
    "DATABASE_URL: a process of this program started on that database meanwhile, which is as it was: stop all of them, "
    "and try again"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it.

    Attributes:
        made_ms: when the backup was made, in milliseconds since 1970.
        applied: how many erasures since then were applied.
        file_up_to_ms: up to when they are known, where the file alone knows them; None otherwise.
        switched_off: in how many channels observation is off now; None where all erasures are known.
    """

    made_ms: int
    applied: int
    file_up_to_ms: int | None
    switched_off: int | None


@dataclass(frozen=True, slots=True)
class _Erasures:
    """What is known of erasures in one place.

    Attributes:
        since_ms: from when on they are complete.
        up_to_ms: up to when; None: up to now.
        nothing: why nothing is known here; empty where something is.
    """

    since_ms: int = 0
    lines: Sequence[ErasureLine] = ()
    up_to_ms: int | None = None
    nothing: str = ""

    def cover(self, made_ms: int, now_ms: int) -> bool:
        """Whether everything is known that was erased since a backup was made."""
        is_newer = self.up_to_ms is None or self.up_to_ms >= made_ms
        return not self.nothing and is_newer and max(self.since_ms, now_ms - LINES_KEPT_MS) <= made_ms


async def restore_backup(settings: Settings, backup: Path, clock: Clock, *, anyway: bool) -> Restored:
    """Restore a backup; killed at any moment, either the old database is in its place or the new one, whole.

    Args:
        settings: of the installation.
        backup: the file.
        clock: the local clock.
        anyway: also where it is not known what was erased since; nothing is observed then.

    Raises:
        UserError: it is not known what was erased since.
        StartupError: the backup or the database can't be used, or something runs on it.
    """
    address, key = database_address(settings), data_key(settings)
    await asyncio.to_thread(check_file, backup, key)
    place = database_file(None if settings.uses_database_server else address, settings.data_dir)
    folder = restoring_folder(place)
    if settings.uses_database_server and await others_connected(address or ""):
        raise InUse(_RUNS)
    await asyncio.to_thread(_lay_out, backup, folder)
    try:
        if settings.uses_database_server:
            return await _restore_on_server(settings, folder, clock, anyway=anyway)
        with _held(place, setting_of(address), key) as before:
            restored = await _prepare(settings, folder, before, clock, anyway=anyway)
            await asyncio.to_thread(put_in_place, folder / DATABASE_FILE, place)
        return restored
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _restore_on_server(settings: Settings, folder: Path, clock: Clock, *, anyway: bool) -> Restored:
    """Replace what a server's database holds, in one transaction, unless anybody used it since that was looked at."""
    async with open_store(settings) as db:
        async with db.read() as connection:
            before = await _known_on_server(connection)
        restored = await _prepare(settings, folder, before, clock, anyway=anyway)
        async with (
            new_file(folder, key=data_key(settings)) as (_, prepared),
            prepared.read() as source,
            db.write(patient=True) as target,
        ):
            changed = await _known_on_server(target) != before
            await clear(target)  # from here on nobody else reads or writes
            if changed or await count_others(target, db.backends):
                raise InUse(_STARTED)
            await copy_all(source, target)
            if await count_others(target, db.backends):
                raise InUse(_STARTED)
    return restored


async def _prepare(settings: Settings, folder: Path, before: Known | None, clock: Clock, *, anyway: bool) -> Restored:
    """Bring the copy of a backup to where it may be shown."""
    key = data_key(settings)
    with opened_file(folder / DATABASE_FILE, key) as connection:
        known, made_ms = known_in(connection), newest_time(connection)
    replaced = _of_replaced(before, known)
    written = await asyncio.to_thread(_of_file, ErasuresFile(settings.erasures_path), known)
    complete = [place for place in (replaced, written) if place.cover(made_ms, clock())]
    if not complete and not anyway:
        raise UserError(_unknown(made_ms, replaced, written))
    known_ids = {line.id for line in known.lines}
    lines = {line.id: line for line in (*written.lines, *replaced.lines) if line.at_ms >= made_ms - LINES_KEPT_MS}
    missing = sorted((line for line in lines.values() if line.id not in known_ids), key=lambda line: line.at_ms)
    async with new_file(folder, key=key) as (_, db):
        reapplying = await open_reapplying(settings, folder, db, clock)
        await reapplying.apply(missing)
        installation, switched_off = Installation(db), None
        if not complete:
            switched_off = await reapplying.observe_nothing()
            await installation.set(LINES_SINCE, str(clock()))
        await installation.drop([BACKUP_MADE])
        await ask_to_take_over(db)
        await db.scrub()
        await db.sweep(at_once=True)
    up_to_ms = written.up_to_ms if complete == [written] else None
    return Restored(made_ms, len(missing), up_to_ms, switched_off)


def _of_replaced(before: Known | None, backup: Known) -> _Erasures:
    """What the database knows that is to be replaced."""
    if before is None or before.subject_key is None:
        return _Erasures(nothing="the database to be replaced is empty, or can't be read")
    if before.subject_key != backup.subject_key:
        return _Erasures(nothing="the database to be replaced is another installation's")
    if before.since_ms is None:
        return _Erasures(nothing="the database to be replaced is of a version that did not note them")
    asked = [_asked(before, *request) for request in before.asked]
    return _Erasures(before.since_ms, [*before.lines, *asked])


def _of_file(file: ErasuresFile, backup: Known) -> _Erasures:
    """What the file of erasures knows."""
    try:
        written = file.read()
    except (OSError, UserError) as error:
        return _Erasures(nothing=str(error))
    if written is None:
        return _Erasures(nothing=f"{file.path} (ERASURES_FILE) is not there")
    if backup.subject_key is None or written.installation != _hasher(backup.subject_key).installation:
        return _Erasures(nothing=f"{file.path} (ERASURES_FILE) is another installation's")
    return _Erasures(written.since_ms, written.lines, written.up_to_ms)


def _unknown(made_ms: int, replaced: _Erasures, written: _Erasures) -> str:
    """Why it is not known what was erased since a backup was made."""
    places = ((replaced, "the database to be replaced"), (written, "ERASURES_FILE"))
    reasons = [
        place.nothing or f"{name} knows them since {shown_time(place.since_ms)}, and 400 days back at most"
        for place, name in places
    ]
    return (
        f"what was erased since this backup was made, {shown_time(made_ms)}, is not known: {'; '.join(reasons)}. Name "
        "the right ERASURES_FILE; or add --anyway: then some of it may come back, and the bot starts with observation "
        "switched off everywhere"
    )


def shown_time(ms: int) -> str:
    """A local time as people read it."""
    return f"{datetime.fromtimestamp(ms / 1000, tz=UTC):%Y-%m-%d %H:%M} UTC"


def _asked(
    known: Known, user_id: int | None, guild_id: int | None, channel_id: int | None, up_to: int | None, asked_ms: int
) -> ErasureLine:
    """The line of an erasure that was asked for and not begun."""
    kind = LineKind.MEMBER if user_id else LineKind.CHANNEL if channel_id else LineKind.SERVER
    return ErasureLine(
        kind=kind,
        at_ms=asked_ms,
        guild_id=guild_id,
        channel_id=channel_id,
        subject=None if user_id is None else _hasher(known.subject_key or "").subject(user_id),
        up_to=up_to or snowflake.from_ms(asked_ms),
    )


def _hasher(subject_key: str) -> SubjectHasher:
    return SubjectHasher(bytes.fromhex(subject_key))


def _lay_out(backup: Path, folder: Path) -> None:
    """Copy a backup into an empty folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    copy = folder / DATABASE_FILE
    copy.touch(mode=0o600)
    shutil.copyfile(backup, copy)


@contextmanager
def _held(file: Path, setting: str, key: str | None) -> Iterator[Known | None]:
    """Keep everybody from a database file; what it knows, or None where there is none or it can't be read."""
    with ExitStack() as stack:
        known = None
        if is_plain(file, setting) is not None:
            with suppress(FileError):
                known = known_in(stack.enter_context(held_file(file, key)))
        yield known


async def _known_on_server(connection: AsyncConnection) -> Known:
    return known_of(*[(await connection.exec_driver_sql(sql)).all() for sql in KNOWN_SQL])
