"""What `doctor` finds of the vector index, and of the Qdrant server that it may be on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from bot.domain import DamagedIndex, Finding, LostIndex, ServiceError, ServiceUnavailable, StartupError, Verdict
from bot.index import IS_COPY, OtherIndex, QdrantAddress, client_version, qdrant_version, too_far_apart

EMBEDDINGS: Final = "embeddings"
"""The service's name in its errors."""


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What an opened index tells.

    Attributes:
        memories: how many it holds, messages included.
        expected: how many it is to hold.
        foreign: points in the same collection that another program made, left alone.
        waiting: changes in the outbox that it has yet to take.
        spread: how it is spread over a cluster otherwise than the settings want; empty where it is not.
        is_copy: whether another database with the same id holds it.
        others: what other installations have on the same server.
    """

    memories: int
    expected: int
    foreign: int
    waiting: int
    spread: str = ""
    is_copy: bool = False
    others: Sequence[OtherIndex] = ()


async def examine_qdrant(address: QdrantAddress) -> AsyncIterator[Finding]:
    """Whether the server answers, with its version, and whether its key travels unencrypted."""
    try:
        server = await qdrant_version(address)
    except ServiceUnavailable as error:
        yield Finding("qdrant", Verdict.FAULT, error.what, error.todo)
        return
    client = client_version()
    sentence = f"answers at {address.place}, version {server}"
    if too_far_apart(client, server):
        todo = f"update whichever is older, so that they differ by one minor version at most (the client has {client})"
        yield Finding("qdrant", Verdict.WARNING, f"{sentence}, is too far from the client library, {client}", todo)
    else:
        yield Finding("qdrant", Verdict.OK, f"{sentence}; the client library has {client}")
    if address.api_key and address.place.startswith("http://"):
        host = urlsplit(address.place).hostname or ""
        verdict = Verdict.OK if _is_this_machine(host) else Verdict.WARNING
        todo = "" if verdict is Verdict.OK else "have Qdrant speak TLS, and write https:// in MEM0_QDRANT_URL"
        yield Finding("qdrant key", verdict, f"the key travels unencrypted to {host}", todo)


def index_finding(facts: IndexFacts, what: str) -> Finding:
    """What is said of an index that could be opened; `what` are the things that it holds."""
    sentence = f"{facts.memories:,} of {facts.expected:,} {what}"
    if facts.waiting:
        sentence += f", {facts.waiting:,} changes waiting"
    if facts.foreign:
        sentence += f"; {facts.foreign:,} points of another program in the same collection are left alone"
    if facts.others:
        count = len(facts.others)
        several = f"{count:,} other installations have their indexes on this server"
        sentence += f"; {'1 other installation has its index on this server' if count == 1 else several}"
    table = _table(facts.others) if facts.others else ()
    if facts.is_copy:
        return Finding("vector store", Verdict.WARNING, IS_COPY, table=table)
    if facts.spread:
        sentence += f"; it has {facts.spread}"
        todo = "`python -m bot reindex` makes it anew as MEM0_QDRANT_SHARD_NUMBER and the two below it say"
        return Finding("vector store", Verdict.WARNING, sentence, todo, table)
    if abs(facts.expected - facts.memories) > facts.waiting:
        todo = "start the bot, which compares both sides at its start and once a day, and mends what differs"
        return Finding("vector store", Verdict.WARNING, sentence, todo, table)
    return Finding("vector store", Verdict.OK, sentence, table=table)


def _table(others: Sequence[OtherIndex]) -> list[Sequence[str]]:
    """Other installations, with the time at which each was last at work there."""
    rows: list[Sequence[str]] = [("installation", "last number", "collections")]
    for other in others:
        last = datetime.fromtimestamp(other.written_ms / 1_000, tz=UTC)
        rows.append(
            (
                other.installation,
                f"{last:%Y-%m-%d %H:%M} UTC" if other.written_ms else "none",
                ", ".join(other.collections),
            )
        )
    return rows


def index_fault(error: StartupError | ServiceError | OSError) -> Finding:
    """What is said of an index that can't be opened."""
    return Finding("vector store", Verdict.FAULT, *_words(error))


def _words(error: StartupError | ServiceError | OSError) -> tuple[str, str]:
    cause = error if isinstance(error, ServiceError) else error.__cause__
    if isinstance(cause, ServiceError) and cause.service == EMBEDDINGS:
        return f"embeddings: {cause.what}", "mend the embeddings, above: memories can't be looked up without them"
    if isinstance(error, DamagedIndex | LostIndex):
        return str(error), "start the bot, or do it now; until then memories are searched by words, and none is lost"
    if isinstance(error, OSError):
        return f"can't be opened ({error.strerror})", "see that the bot's user may use DATA_DIR and what is in it"
    if isinstance(error, ServiceError):
        return f"{error.service}: {error.what}", error.todo or "check MEM0_QDRANT_HOST, _PORT, _URL and _API_KEY"
    return str(error), ""


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
