"""The questions of the last minutes, so that the next one can leave out what the one before it said.

Only questions are here, never an answer or a line, and only in this process's memory. What somebody asked in private
is never used for a question whose answer others see. A question goes with its message, and with whoever asked it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.storage import Scope, Sections, Store, moment

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Clock
    from bot.storage import Database, Edited, Erased

TALK_MS = 10 * 60 * 1000
"""A question is understood with the one before it for so long."""

MOST_QUESTIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question that was asked.

    Attributes:
        id: the snowflake of its message or command.
        text: in the asker's own words.
        public: whether everybody in the channel saw it and its answer.
        answer_id: the message of the bot that answers it in public.
    """

    id: int
    guild_id: int
    channel_id: int
    asker_id: int
    text: str
    public: bool
    asked_ms: int = 0
    answer_id: int | None = None


class Talks(Store):
    """Remembers questions for some minutes."""

    name = "questions of the last minutes"

    def __init__(self, db: Database, clock: Clock, left_out: Callable[[int, int], bool]) -> None:
        """Begin with no question.

        Args:
            db: the database, which nothing of this is written to.
            clock: by which a talk is over.
            left_out: tells of a server and a member whether nothing of them may be kept.
        """
        super().__init__(db)
        self._clock = clock
        self._left_out = left_out
        self._questions: OrderedDict[int, AskedQuestion] = OrderedDict()  # oldest first

    def note(self, question: AskedQuestion) -> None:
        """Remember a question, unless nothing of who asked it may be kept."""
        self._drop_old()
        if self._left_out(question.guild_id, question.asker_id):
            return
        self._questions[question.id] = replace(question, asked_ms=self._clock())
        asyncio.get_running_loop().call_later(TALK_MS / 1000 + 1, self._drop_old)  # whether or not somebody asks again
        if len(self._questions) > MOST_QUESTIONS:
            self._questions.popitem(last=False)

    def answered(self, question_id: int, answer_id: int) -> None:
        """Note which message answers a question."""
        if question_id in self._questions:
            self._questions[question_id] = replace(self._questions[question_id], answer_id=answer_id)

    def before(self, guild_id: int, channel_id: int, asker_id: int, *, public: bool) -> str:
        """What a member asked last in a channel; "" where that is nothing, or not for a public question."""
        place = (guild_id, channel_id, asker_id)
        theirs = (
            question.text
            for question in self._newest_first()
            if (question.guild_id, question.channel_id, question.asker_id) == place and (question.public or not public)
        )
        return next(theirs, "")

    def answered_by(self, answer_id: int) -> AskedQuestion | None:
        """The public question that a message of the bot answers."""
        return next((q for q in self._newest_first() if q.public and q.answer_id == answer_id), None)

    def forget(self, message_ids: Collection[int]) -> None:
        """Forget the questions of messages that were deleted or changed."""
        for message_id in message_ids:
            self._questions.pop(message_id, None)

    def _newest_first(self) -> Iterator[AskedQuestion]:
        """The questions of the last minutes by who may still be remembered."""
        self._drop_old()
        return (q for q in reversed(self._questions.values()) if not self._left_out(q.guild_id, q.asker_id))

    def _drop_old(self) -> None:
        oldest = self._clock() - TALK_MS
        while self._questions and next(iter(self._questions.values())).asked_ms < oldest:
            self._questions.popitem(last=False)

    def _remove(self, is_meant: Callable[[AskedQuestion], bool]) -> int:
        ids = [question.id for question in self._questions.values() if is_meant(question)]
        self.forget(ids)
        return len(ids)

    # --- erasure and data of a member --------------------------------------------------------------------------------

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Forget the questions that are erased messages, and at last all in scope."""
        removed = self._remove(lambda question: question.id in erased.messages)
        if erased.last:
            removed += self._remove(lambda question: _is_meant(question, erased.scope))
        return Counter({self.name: removed})

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Forget the question of a message that was changed."""
        return self._remove(lambda question: question.id == edited.message_id)

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """What the member asked in the last minutes."""
        self._drop_old()
        scope = Scope(guild_id=guild_id, user_id=user_id)
        theirs = [question for question in self._questions.values() if _is_meant(question, scope)]
        return {self.name: [{"text": q.text, "asked_at": moment(q.asked_ms)} for q in theirs]}

    async def count(self, scope: Scope) -> Counter[str]:
        """Questions in scope."""
        return Counter({self.name: sum(_is_meant(question, scope) for question in self._questions.values())})


def _is_meant(question: AskedQuestion, scope: Scope) -> bool:
    return (
        scope.guild_id in (None, question.guild_id)
        and scope.user_id in (None, question.asker_id)
        and (scope.channel_ids is None or question.channel_id in scope.channel_ids)
        and (scope.message_ids is None or question.id in scope.message_ids)
    )
