"""Whether a model is fit for its work at all, which a line of our own tells when one of its answers can't be used.

One that answers our line as unusably as the members' is unfit: what waits for it is kept, and one stretch is tried
every RETRY_MS, each time of another channel, until an answer is usable again. One that answers ours is not at fault:
the stretch is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from bot.domain import AnswerError, Clock, Message, ModelUnfit, snowflake
from bot.remember.queue import Due

log = logging.getLogger(__name__)

RETRY_MS: Final = 15 * 60_000

OWN_LINE: Final = Message(
    id=snowflake.from_datetime(datetime(2025, 1, 2, 12, tzinfo=UTC)),
    guild_id=0,
    channel_id=0,
    author_id=1,
    content="We decided that the meeting begins at eight.",
)
"""What a model is asked about to learn whether it is fit."""

OWN_STATEMENT: Final = "The meeting begins at eight."


class Call(StrEnum):
    """What a model is asked for."""

    PROPOSE = "propose"
    CHECK = "check"


class Fitness:
    """What is known of the models.

    Args:
        clock: milliseconds since 1970.
        models: who makes each call: the provider, and the name of the model.
    """

    def __init__(self, clock: Clock, models: Mapping[Call, tuple[str, str]]) -> None:
        self._clock = clock
        self._models = models
        self._usable = Counter[Call]()
        self._unfit: dict[Call, ModelUnfit] = {}
        self._next_try_ms = 0
        self._tried: set[int] = set()
        self._judging = asyncio.Lock()

    @property
    def is_doubted(self) -> bool:
        """Whether a model was unfit when it was asked last."""
        return bool(self._unfit)

    @property
    def waiting(self) -> str | None:
        """Why nothing is to be asked now; None where it may be."""
        if not self._unfit or self._clock() >= self._next_try_ms:
            return None
        return str(next(iter(self._unfit.values())))

    def begin(self) -> None:
        """A model is about to be asked about a stretch.

        Raises:
            ModelUnfit: its turn has not come.
        """
        if self.waiting is not None:
            raise next(iter(self._unfit.values()))

    def usable(self, call: Call) -> None:
        """An answer could be used."""
        self._usable[call] += 1
        if self._unfit.pop(call, None) is not None:
            self._tried.clear()
            log.info("The model answers usably again (%s): reading goes on", call)

    async def judge(self, call: Call, prove: Callable[[], Awaitable[object]]) -> None:
        """An answer could not be used: return where what was asked about is at fault.

        A line of our own is asked about, unless another answer can be used meanwhile: an older one proves nothing.

        Args:
            call: what was asked for.
            prove: asks for the same about a line of our own.

        Raises:
            ModelUnfit: the model is at fault.
            Exception: what else `prove` raises: it can't be told now.
        """
        usable = self._usable[call]
        async with self._judging:
            self.begin()  # another stretch has shown meanwhile that it is unfit
            if call not in self._unfit and self._usable[call] != usable:
                return
            try:
                await prove()
            except AnswerError as error:
                raise self._found_unfit(call, error) from None
            self.usable(call)

    def _found_unfit(self, call: Call, error: AnswerError) -> ModelUnfit:
        provider, model = self._models[call]
        what = f"{model} gives no usable answer, not even about a line of this program's own (asked to {call})"
        unfit = ModelUnfit(provider, what)
        if call not in self._unfit:
            log.warning("%s (%s); one stretch is tried every 15 minutes", unfit, error)
        self._unfit[call], self._next_try_ms = unfit, self._clock() + RETRY_MS
        return unfit

    def allowed(self, due: Sequence[Due]) -> Sequence[Due]:
        """Those of the channels that may be worked on: while a model is unfit, one at a time that was not tried yet."""
        if not self._unfit:
            return due
        if not due or self.waiting is not None:
            return ()
        untried = [turn for turn in due if turn.channel_id not in self._tried]
        if not untried:
            self._tried.clear()
        turn = (untried or due)[0]
        self._tried.add(turn.channel_id)
        return (turn,)
