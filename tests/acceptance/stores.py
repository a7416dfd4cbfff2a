"""Looking into what the bot keeps, from outside: its database, and the bytes of all its files."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2

from tests.loopback.discord_world import Channel, Message

sqlite: Any = sqlcipher3.dbapi2  # a C module without types
BLOCK = 4096
CONSONANTS, VOWELS = "bcdfgklmnprtvz", "aeiou"  # without h, for a word that laughs marks a joke
END_STATES = frozenset({"extracted", "skipped"})


def canary() -> str:
    """A word that occurs nowhere else: pronounceable, random from its first letter on, and not changed by stemming.

    Full-text indexes compress the beginnings of words, so canaries that began alike would hide each other.
    """
    return "".join(random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(6)) + "ko"


def rows(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Read from the bot's database while it runs or not."""
    connection = sqlite.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    try:
        return list(connection.execute(sql, values))
    finally:
        connection.close()


def execute(database: Path, sql: str, *values: object) -> None:
    """Change the bot's database while it does not run."""
    connection = sqlite.connect(database)
    try:
        with connection:
            connection.execute(sql, values)
    finally:
        connection.close()


def logged(database: Path, *channels: Channel) -> Counter[int]:
    """How often each message of these channels is in the message log."""
    marks = ",".join("?" * len(channels))
    found = rows(database, f"SELECT id FROM messages WHERE channel_id IN ({marks})", *(c.id for c in channels))  # noqa: S608
    return Counter(identifier for (identifier,) in found)


def said_by_people(*channels: Channel) -> Counter[int]:
    """Each message that a person said there and that was not deleted, once: what the log is to hold."""
    return Counter(
        message.id
        for channel in channels
        for message in channel.messages
        if not message.author.bot and "webhook_id" not in message.fields
    )


def states(database: Path) -> Counter[str]:
    """How many messages are in each state."""
    return Counter(dict(rows(database, "SELECT state, count(*) FROM messages GROUP BY state")))


def files_with(folder: Path, needles: Iterable[bytes]) -> list[str]:
    """Which of these bytes are in which file under `folder`, in any case of their letters."""
    wanted = {needle.lower() for needle in needles}
    found = []
    for path in files_below(folder):
        content = _content(path)
        found += [f"{needle!r} in {path.relative_to(folder)}" for needle in wanted if needle in content]
    return found


def files_below(folder: Path) -> list[Path]:
    """Every file under a folder in which a program is at work: what it removes meanwhile is left out."""
    return sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names)


def _content(path: Path) -> bytes:
    """A file's bytes in lower case, without the long empty stretches of files that are allocated ahead."""
    try:
        content = path.read_bytes().lower()
    except FileNotFoundError:  # the index replaced it meanwhile
        return b""
    blocks = (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))
    return b"".join(block if block.strip(b"\0") else b"\0" * 8 for block in blocks)


def traces(message: Message) -> list[bytes]:
    """What would show that something of a message was kept: its words of four letters or more, and its number."""
    words = [word.strip(".,:!?").encode() for word in message.content.split()]
    return [*(word for word in words if len(word) > 3), str(message.id).encode(), message.id.to_bytes(8, "big")]
