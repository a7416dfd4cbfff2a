"""What a later export of a channel shows to have been edited or deleted since an earlier one brought its messages.

It goes the way of live edits and deletions. What the bot has read itself stays as it is: of that Discord tells it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain import Message
    from bot.forget.erasure import Erasure
    from bot.forget.revisions import Revisions
    from bot.observe import Imports, Said, Survey


@dataclass(frozen=True, slots=True)
class Vanished:
    """What exports brought and a later one does not have.

    Attributes:
        message_ids: those messages; empty where the later one can't tell.
        of: how many messages exports brought between the first and the last message of the later one.
    """

    guild_id: int = 0
    channel_id: int = 0
    message_ids: Sequence[int] = field(default=())
    of: int = 0

    @property
    def share(self) -> float:
        """Part of what was brought, from 0 to 1."""
        return len(self.message_ids) / self.of if self.of else 0.0


class LaterExports:
    """Compares an export with what earlier ones brought, and takes over what is newer."""

    def __init__(self, imports: Imports, revisions: Revisions, erasure: Erasure) -> None:
        self._imports = imports
        self._revisions = revisions
        self._erasure = erasure

    async def edits(self, said: Sequence[Said]) -> list[Message]:
        """Those of some exported messages whose text is newer than what an earlier export brought."""
        return await self._imports.edits(said)

    async def revise(self, edits: Sequence[Message]) -> None:
        """Take over texts that are newer."""
        for message in edits:
            await self._revisions.edited(message.id, message.content, message.edited_at or message.created_at)

    async def vanished(self, survey: Survey) -> Vanished:
        """What a complete export lacks, of its own channel and between its first and its last message."""
        if survey.place is None or not survey.ids:
            return Vanished()
        guild_id, channel_id = survey.place
        missing, of = await self._imports.missing(channel_id, survey.ids)
        return Vanished(guild_id, channel_id, missing, of)

    async def delete(self, vanished: Vanished) -> None:
        """Erase what has vanished, with all that came from it; it does not come back by an older export."""
        await self._erasure.erase_messages(vanished.guild_id, vanished.channel_id, vanished.message_ids)
