"""How often an erasure tells its stores and tries to clean the files, over a database that does as a test wants."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bot.forget import Erasure, Receipt, erasure
from bot.forget.proof import Proof, Removal
from bot.storage import STATEMENT_IDS, Erased, Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

ANY: Any = None
GUILD = 1


class Files:
    """A database whose files hold deleted bytes until the given try, and its locks."""

    def __init__(self, clean_at: int = 1) -> None:
        self.clean_at = clean_at
        self.scrubs = self.sweeps = 0
        self.locks: list[int] = []

    async def scrub(self) -> bool:
        self.scrubs += 1
        return self.scrubs >= self.clean_at

    async def sweep(self, *, at_once: bool = False) -> None:
        assert at_once
        self.sweeps += 1

    def alone(self, number: int) -> None:
        self.locks.append(number)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[None]:
        yield None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Files]:
        yield self

    async def execute(self, query: object) -> Files:
        return self

    def one(self) -> tuple[int, None]:
        """No line waits to be written."""
        return 0, None


class Emptying:
    """A store that removes so many items each time that it is told, and has so many left in the end."""

    def __init__(self, *removes: int, left: int = 0) -> None:
        self.removes, self.left = list(removes), left

    async def erased(self, connection: object, erased: Erased) -> Counter[str]:
        return Counter(items=self.removes.pop(0) if self.removes else 0)

    async def count(self, scope: Scope) -> Counter[str]:
        return Counter(items=self.left)


class Texts:
    """Finds so many places that hold erased texts, one search after another."""

    def __init__(self, *places: int) -> None:
        self.places = list(places)
        self.searched: list[list[str]] = []

    async def of(self, texts: Sequence[str]) -> int:
        self.searched.append(list(texts))
        return self.places.pop(0)


def erasing(files: Files, *stores: Emptying) -> Erasure:
    return Erasure(files, stores, ANY, ANY, ANY, ANY)  # type: ignore[arg-type]


@pytest.mark.parametrize(("clean_at", "tries", "scrubs"), [(1, 5, 1), (3, 5, 3), (99, 5, 5), (99, 1, 1)])
async def test_a_reader_of_an_older_state_gets_a_moment_to_finish(
    clean_at: int, tries: int, scrubs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "SCRUB_PAUSE_SECONDS", 0)
    files = Files(clean_at)
    await erasing(files)._scrub(tries)
    assert files.scrubs == scrubs
    assert erasure.SCRUB_TRIES == 5


def test_members_are_erased_under_locks_that_no_channel_has() -> None:
    files = Files()
    erasing(files).alone_with(7)
    assert files.locks == [-7]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ([STATEMENT_IDS - 1], [], 1),
        ([STATEMENT_IDS, 5], [], 2),
        ([1, 0], [STATEMENT_IDS, STATEMENT_IDS, 0], 3),
    ],
)
async def test_stores_are_told_again_while_one_of_them_did_no_more_than_a_part(
    first: list[int], second: list[int], told: int
) -> None:
    stores = Emptying(*first), Emptying(*second)
    removal = Removal()
    await erasing(Files(), *stores)._tell_to_the_end(Erased(scope=Scope(guild_id=GUILD), last=True), removal)
    assert removal.counts["items"] == sum(first) + sum(second)
    assert [len(store.removes) for store in stores] == [max(0, len(first) - told), max(0, len(second) - told)]


@pytest.mark.parametrize(("places", "sweeps", "left"), [((0,), 0, 0), ((2, 0), 1, 0), ((2, 1), 1, 1)])
async def test_files_that_still_hold_a_text_are_written_anew_and_searched_again(
    places: tuple[int, ...], sweeps: int, left: int
) -> None:
    files, texts, removal = Files(), Texts(*places), Removal()
    removal.counts.update(items=3)
    removal.witnesses.saw(["a text that nobody else would say"])
    proof = Proof(files, [Emptying(left=4), Emptying(left=1)], texts)  # type: ignore[arg-type, list-item]
    receipt = await proof.receipt(Scope(guild_id=GUILD), removal, texts_too=True)
    assert receipt == Receipt({"items": 3}, {"items": 5, "texts": left})
    assert files.sweeps == sweeps
    assert texts.searched == [["a text that nobody else would say"]] * len(places)
    assert (await proof.receipt(Scope(), removal, texts_too=False)).remaining == {"items": 5}
