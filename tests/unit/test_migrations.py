from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, String, column, create_engine, func, insert, select, table
from sqlcipher3 import dbapi2 as sqlcipher

from bot.storage import migrate
from bot.storage.engine import Database
from bot.storage.schema import consents, index_owner, meta, metadata, rules

REVISIONS = [script.revision for script in ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()][::-1]
FULL_TEXT = ("message_terms", "memory_terms")


def _definitions(connection: Connection) -> dict[str, str]:
    """How every table and index of ours is written down in the file, blanks aside."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        name: re.sub(r"\s*([(),])\s*|\s+", r"\1 ", sql)
        for name, sql in rows
        if not name.startswith((*FULL_TEXT, "alembic", "sqlite"))
    }


async def test_migrations_build_the_schema_that_the_program_uses(database: Database) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        wanted = _definitions(connection)
    engine.dispose()
    async with database.read() as reader:
        assert await reader.run_sync(_definitions) == wanted
        assert await reader.run_sync(migrate.pending) == []


async def test_erased_words_are_overwritten_by_setting(database: Database) -> None:
    async with database.read() as connection:
        for name in FULL_TEXT:
            config = table(f"{name}_config", column("k"), column("v"))
            assert await connection.scalar(select(config.c.v).where(config.c.k == "secure-delete")) == 1


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.matrix(fast=2)
def test_data_of_every_earlier_version_survives_the_upgrade(revision: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}", module=sqlcipher)
    with engine.begin() as connection:
        migrate.upgrade(connection, revision)
        filled = _fill(connection)
    with engine.begin() as connection:
        assert migrate.pending(connection) == REVISIONS[REVISIONS.index(revision) + 1 :]
        migrate.upgrade(connection)
        counts = {
            each.name: connection.scalar(select(func.count()).select_from(each))
            for each in metadata.sorted_tables
            if each.name in filled
        }
    assert len(counts) == len(filled)
    assert set(counts.values()) == {1}, counts
    engine.dispose()


def test_choices_of_members_survive_the_upgrade(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}", module=sqlcipher)
    with engine.begin() as connection:
        migrate.upgrade(connection, "0001")
        for subject, opted_out, facts in (("out", 1, 0), ("facts", 0, 1)):
            connection.exec_driver_sql("INSERT INTO consents VALUES (7, ?, ?, ?, 5)", (subject, opted_out, facts))
    with engine.begin() as connection:
        migrate.upgrade(connection)
        rows = connection.execute(select(consents).order_by(consents.c.subject)).all()
    assert [tuple(row) for row in rows] == [(7, "facts", False, False, True, 5), (7, "out", True, False, False, 5)]
    engine.dispose()


def test_rules_of_servers_survive_the_upgrade_without_a_time_zone(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}", module=sqlcipher)
    with engine.begin() as connection:
        migrate.upgrade(connection, "0014")
        connection.exec_driver_sql("INSERT INTO rules VALUES (7, 'opted_in', 'nobody')")
    with engine.begin() as connection:
        migrate.upgrade(connection)
        assert [tuple(row) for row in connection.execute(select(rules))] == [(7, "opted_in", "nobody", None)]
    engine.dispose()


def _fill(connection: Connection) -> set[str]:
    """One row in every table that this version of the schema has; their names."""
    schema = MetaData()
    schema.reflect(connection, only=lambda name, _: not name.startswith((*FULL_TEXT, "alembic", "sqlite")))
    for each in schema.sorted_tables:
        values = {cell.name: "1" if isinstance(cell.type, String) else 1 for cell in each.columns}
        connection.execute(insert(each).values(values))
    return {each.name for each in schema.sorted_tables}


def test_a_database_of_before_has_no_id_yet_and_keeps_which_index_is_in_use(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}", module=sqlcipher)
    with engine.begin() as connection:
        migrate.upgrade(connection, "0017")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('index_generations', '{}')")
    with engine.begin() as connection:
        migrate.upgrade(connection)
        assert connection.execute(select(index_owner)).all() == []
        assert connection.scalar(select(meta.c.value).where(meta.c.key == "index_generations")) == "{}"
    engine.dispose()
