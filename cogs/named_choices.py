"""Carrying out what members choose about memories that name somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.domain import Phrase
from cogs import texts
from cogs.access import Access
from cogs.views.choices import Choice

if TYPE_CHECKING:
    from bot.memories import ForgetOutcome, NamedMembers
    from cogs.views.choices import Offer

Interaction = discord.Interaction[Any]

OUTCOMES = {
    Choice.REPLACE_NAME: Phrase.joined(
        " ", [Phrase("Your name is replaced by “somebody” there."), texts.MESSAGE_STAYS]
    ),
    Choice.FLAG: Phrase.joined(
        " ", [Phrase("It is hidden until somebody who said it, or a moderator, decides."), texts.MESSAGE_STAYS]
    ),
    Choice.KEEP: Phrase("It is shown again as it was; the member can flag it again only when its text changes."),
    Choice.TAKE_OUT: Phrase("It is shown again, with “somebody” in place of the name."),
}


class NamedChoices:
    """Carries out what is chosen about memories that name somebody."""

    def __init__(self, named: NamedMembers, access: Access) -> None:
        self._named = named
        self._access = access

    async def choose(self, interaction: Interaction, offer: Offer) -> str:
        """Do what was chosen; one sentence on what that did.

        Raises:
            NotFound: the memory is not theirs to choose about.
            Refused: it can't be flagged again, or too many flags of theirs are open.
        """
        asker = await self._access.asker(interaction)
        done = {
            Choice.REPLACE_NAME: self._named.replace_name,
            Choice.FLAG: self._named.flag,
            Choice.KEEP: self._named.keep,
            Choice.TAKE_OUT: self._named.take_out_names,
        }
        await done[offer.choice](offer.memory_id, asker)
        return OUTCOMES[offer.choice]

    async def forget(self, interaction: Interaction, memory_id: str) -> ForgetOutcome:
        """Forget a memory, or the asker's part in it.

        Raises:
            NotFound: there is no such memory that they may forget.
        """
        return await self._named.forget(memory_id, await self._access.asker(interaction))
