"""The shape of the tree: packages with a face, and no file that is too long to read."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from bot.storage.schema import metadata

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(p.parent.name for p in (ROOT / "bot").glob("*/__init__.py"))
FACED = [name for name in PACKAGES if name != "cli"]
SOURCES = [p for folder in ("bot", "cogs") for p in (ROOT / folder).rglob("*.py") if "migrations" not in p.parts]
MOST_LINES = 400
TOP_LEVEL = {"__init__.py", "__main__.py", "py.typed"}


def _package(path: Path) -> str | None:
    """The package of bot/ that a file lies in."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "bot" and len(parts) > 2 else None


@cache
def _imports(path: Path) -> list[tuple[str, str]]:
    """Each (module, name) that a file imports."""
    imports: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports += ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            imports += ((alias.name, "") for alias in node.names)
    return imports


def test_bot_holds_packages_alone() -> None:
    files = {p.name for p in (ROOT / "bot").iterdir() if p.is_file()}
    assert files == TOP_LEVEL


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(path.relative_to(ROOT)))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_a_package_is_imported_by_its_face() -> None:
    faults = [f"{path.relative_to(ROOT)}: {fault}" for path in SOURCES for fault in _past_a_face(path)]
    assert not faults


def _past_a_face(path: Path) -> Iterator[str]:
    for module, name in _imports(path):
        parts = module.split(".")
        if parts[0] != "bot" or len(parts) < 2 or parts[1] == _package(path) or parts[1] not in FACED:
            continue
        if len(parts) > 2:
            yield f"{module} is not the face of bot.{parts[1]}"
        elif name not in import_module(module).__all__ and not _is_table(module, name):
            yield f"{module} does not give {name}"


def _is_table(module: str, name: str) -> bool:
    """Whether it is a table, all of which the database gives."""
    return module == "bot.storage" and name in metadata.tables


@pytest.mark.parametrize("name", FACED)
@pytest.mark.matrix(fast=2)
def test_a_face_gives_what_others_use(name: str) -> None:
    face = import_module(f"bot.{name}")
    used = {
        n for p in SOURCES if _package(p) != name for m, n in _imports(p) if m == face.__name__ and not _is_table(m, n)
    }
    assert face.__doc__, f"bot/{name}/__init__.py says what the package holds"
    assert len(face.__doc__.split(". ")) + face.__doc__.count(".\n") >= 3
    assert set(face.__all__) == used, "the face names what other packages import, and nothing else"


@pytest.mark.slow
def test_mem0_does_not_report_home_whatever_imports_it_first() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MEM0_TELEMETRY"}
    program = "import bot.index.qdrant_store; from mem0.memory import telemetry; print(telemetry.MEM0_TELEMETRY)"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout.strip() == "False"
