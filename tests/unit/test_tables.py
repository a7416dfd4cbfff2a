"""Each table has one package that writes it, and the message log one module."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.storage.schema import metadata

ROOT = Path(__file__).parents[2]
SOURCES = [p for folder in ("bot", "cogs") for p in (ROOT / folder).rglob("*.py") if "migrations" not in p.parts]
WRITES = {"insert", "update", "delete", "upsert"}
MODULES = {"sqlalchemy", "sqlite", "postgresql"}
"""Where the functions that write come from, when they are called by the module's name."""


def writes_of(source: str) -> Iterator[str]:
    """What a module writes: the expression that stands for the table in each such call."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(name) if name in WRITES:
                yield ast.unparse(node.args[-1])
            case ast.Attribute(ast.Name(module), name) if module in MODULES and name in WRITES:
                yield ast.unparse(node.args[-1])


@cache
def writers() -> dict[str, set[str]]:
    """The modules that write each table."""
    by_table: defaultdict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        for table in writes_of(path.read_text(encoding="utf-8")):
            by_table[table].add(str(path.relative_to(ROOT)))
    return dict(by_table)


def test_each_table_has_one_package_that_writes_it() -> None:
    packages = {table: {module.split("/")[1] for module in modules} for table, modules in writers().items()}
    assert {table: owners for table, owners in packages.items() if len(owners) > 1} == {}


def test_whoever_writes_names_the_table() -> None:
    unnamed = {table: modules for table, modules in writers().items() if table not in metadata.tables}
    assert unnamed == {
        "table": {"bot/storage/engine.py", "bot/storage/stores.py", "bot/storage/table_pages.py"},
        "index": {"bot/text/fulltext.py"},
    }


@pytest.mark.slow
def test_a_messages_state_is_set_in_one_module() -> None:
    assert writers()["messages"] == {"bot/observe/message_rows.py"}


def test_every_way_to_write_is_seen() -> None:
    source = "insert(a); x(update(b).where(c)); upsert(it, d); sqlite.insert(e); delete(f.g); f.update(h)"
    assert sorted(writes_of(source)) == ["a", "b", "d", "e", "f.g"]
