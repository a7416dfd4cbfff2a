"""Prints the unit tests of what changed since the last commit, or in it where nothing did since: for `make quick`."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALWAYS = ROOT / "tests" / "unit" / "test_packages.py"


def _git(*arguments: str) -> set[str]:
    command = ["git", "-C", str(ROOT), *arguments]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())  # noqa: S603


def _changed() -> set[Path]:
    names = _git("diff", "--name-only", "HEAD") | _git("ls-files", "--others", "--exclude-standard")
    names = names or _git("diff", "--name-only", "HEAD~1", "HEAD")
    return {ROOT / name for name in names if name.endswith(".py")}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _faces(module: str) -> set[str]:
    """A module, and the packages by which others import what is in it."""
    parts = module.split(".")
    return {".".join(parts[:number]) for number in range(min(2, len(parts)), len(parts) + 1)}


def _imported(path: Path) -> set[str]:
    """The modules that a file imports, and the names from them, which may be modules as well."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def main() -> None:
    """Print the paths of unit tests that changed, or that import what changed."""
    changed = _changed()
    modules = {name for path in changed for name in _faces(_module(path))}
    chosen = {
        path
        for path in (ROOT / "tests" / "unit").glob("test_*.py")
        if path in changed or not _imported(path).isdisjoint(modules)
    }
    print(*sorted(path.relative_to(ROOT) for path in {*chosen, ALWAYS}))


if __name__ == "__main__":
    main()
