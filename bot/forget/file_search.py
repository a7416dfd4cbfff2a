"""Searches the bytes of every file in a folder, as a program of its own that imports nothing of this one.

SQLite's locks belong to a process, and closing a file gives up all that the process has on it (see "How To Corrupt An
SQLite Database File", 2.2, https://www.sqlite.org/howtocorrupt.html). The process that has the database open must
therefore never open its files otherwise: the next process that looks into the database would take it for unused, and
cut off shared memory that is in use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path

BLOCK = 1 << 20
"""Bytes of a file that are looked at in one go."""


def holds(path: Path, needles: Collection[bytes]) -> bool:
    """Whether a file holds one of the needles; one that went meanwhile holds nothing."""
    overlap = max(map(len, needles)) - 1
    rest = b""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                window = rest + block
                if any(needle in window for needle in needles):
                    return True
                rest = window[-overlap:]
    except FileNotFoundError:
        return False
    return False


def main() -> None:
    """Read the texts to look for as a JSON list from standard input; print how many files hold one of them."""
    needles = {text.encode() for text in json.load(sys.stdin)}
    print(sum(holds(path, needles) for path in Path(sys.argv[1]).rglob("*") if path.is_file()))


if __name__ == "__main__":
    main()
