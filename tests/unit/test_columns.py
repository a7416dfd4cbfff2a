"""Every column says what it holds, for erasing, exporting and counting go by that."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table

from bot.storage.columns import USER_ID, Holds
from bot.storage.schema import metadata

VOCABULARY = {None, *Holds}


def undecided(tables: MetaData) -> set[str]:
    """Columns that don't say what they hold."""
    columns = [column for table in tables.sorted_tables for column in table.columns]
    return {str(column) for column in columns if column.info.get("holds", "?") not in VOCABULARY}


def test_every_column_says_what_it_holds() -> None:
    assert undecided(metadata) == set()


def test_a_column_that_does_not_say_it_is_noticed_whatever_it_is_called() -> None:
    grown = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(grown)
    Table(
        "badges",
        grown,
        Column("holder", Integer, info=USER_ID),
        Column("colour", Integer),
        Column("size", Integer, info={"holds": "inches"}),
    )
    assert undecided(grown) == {"badges.colour", "badges.size"}
