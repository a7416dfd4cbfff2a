"""Puts a chat export through the same pipeline as live messages: log, extraction, memories, index."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.forget import LaterExports
from bot.llm import Ledger, PriceTable, bill
from bot.observe import Exported, MessageLog, Said
from bot.remember import Flusher, FlushReport

GROUP = 500
"""Messages in one transaction, as many as the live intake groups at most."""

FIRST_DAY = "0000-00-00"
"""Before any day of the ledger."""

Progress = Callable[[str, int], None]
"""Told a stage ("log" or "extract") and how many messages went through it since the last call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a replay did.

    Attributes:
        messages: newly kept in the log.
        doubles: in the log already.
        edits: of these, texts that are newer than what an earlier export brought; they are taken over or not.
        refused: not kept, by reason (opted out, erased before).
        memories: newly stored.
        declined: statements that were not kept, by reason.
        calls: calls of the language model.
        tokens: that those calls took, prompts and answers; 0 without a language model.
        dollars: what the calls of this replay cost, embeddings included; 0 for models at home.
        seconds: wall time of the log and of extraction.
    """

    messages: int
    doubles: int
    edits: int
    refused: dict[str, int]
    memories: int
    declined: dict[str, int]
    calls: int
    tokens: int
    dollars: float
    seconds: float


class Replay:
    """Imports exported messages; safe to run twice, for what is in the log already is only counted."""

    def __init__(
        self,
        log: MessageLog,
        ledger: Ledger,
        prices: PriceTable,
        flusher: Flusher | None,
        later_exports: LaterExports | None = None,
        *,
        update: bool = False,
    ) -> None:
        """Take the parts.

        Args:
            log: takes the messages.
            ledger: tells what was spent.
            prices: what tokens cost.
            flusher: without it nothing is extracted and the messages stay pending.
            later_exports: compares them with what earlier exports brought; without it nobody does.
            update: whether texts that are newer are taken over.
        """
        self._log = log
        self._later_exports = later_exports
        self._update = update
        self._ledger = ledger
        self._prices = prices
        self._flusher = flusher

    async def run(self, messages: Iterable[Exported], progress: Progress) -> Summary:
        """Log every message, then extract until nothing is pending.

        Raises:
            UserError: a fault in the export; what came before it is kept, and running again goes on from there.
        """
        started = time.monotonic()
        spent = await self._spent()
        stored = doubles = edits = 0
        refused: Counter[str] = Counter()
        for group in _groups(messages):
            with_text = [item for item in group if item.message.content]
            report = await self._log.append(with_text, from_export=True)
            edits += await self._compare(group)
            stored += report.stored
            doubles += report.doubles
            refused.update(report.refused)
            progress("log", len(with_text))
        flushed = await self._extract(progress)
        return Summary(
            messages=stored,
            doubles=doubles,
            edits=edits,
            refused=dict(refused),
            memories=flushed.memories,
            declined=dict(flushed.refusals),
            calls=flushed.calls,
            tokens=flushed.tokens,
            dollars=await self._spent() - spent,
            seconds=time.monotonic() - started,
        )

    async def _compare(self, group: Sequence[Said]) -> int:
        """How many texts are newer than what an earlier export brought."""
        if self._later_exports is None:
            return 0
        edits = await self._later_exports.edits(group)
        if self._update:
            await self._later_exports.revise(edits)
        return len(edits)

    async def _spent(self) -> float:
        """Dollars in the whole ledger."""
        return bill(await self._ledger.totals(FIRST_DAY), self._prices).spent

    async def _extract(self, progress: Progress) -> FlushReport:
        if self._flusher is None:
            return FlushReport()
        return await self._flusher.flush_all(lambda report: progress("extract", report.asked))


def _groups(messages: Iterable[Exported]) -> Iterator[list[Said]]:
    items = (Said(each.message, each.author_name, each.quotes, each.without_quote) for each in messages)
    while group := list(islice(items, GROUP)):
        yield group
