"""What members who are named in memories, and those who decide on that, are shown and may do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import discord

from bot.domain import Hit, Memory, Phrase, people_in
from bot.memories import Asker, MemoryPage
from bot.recall import Presenter
from cogs import texts
from cogs.access import Access
from cogs.memory_filter import MemoryFilter
from cogs.memory_pages import PER_PART, MemoryPages, Shown
from cogs.reply import reply_view
from cogs.views.choices import Choice, Offer
from cogs.views.pages import Page, Pages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.memories import NamedMembers
    from bot.observe import Directory
    from cogs.forget import MemoryActions

Interaction = discord.Interaction[Any]

ABOUT_NOTE = Phrase(
    "**Replace my name** puts “somebody” in its place. **This is wrong** hides the memory until somebody who said it, "
    "or a moderator, decides; after two weeks without a decision it is shown again without your name."
)
DECIDE_NOTE = Phrase(
    "A member who is named there says that this is wrong. It is hidden until you, or somebody else who may, decide; "
    "without a decision in two weeks it is shown again without the name."
)
NOTHING_ABOUT = Phrase("No memory that you can read names you.")
NOTHING_TO_DECIDE = Phrase("Nothing waits for your decision.")


class AboutPages(MemoryPages):
    """The memories that name a member, page by page; what they can't read now is left out.

    Args:
        among: ids of the only memories that count; None for all.
    """

    empty = NOTHING_ABOUT

    def __init__(
        self,
        named: NamedMembers,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        wanted: MemoryFilter,
        among: Collection[str] | None = None,
    ) -> None:
        super().__init__(directory, access, presenter, wanted)
        self._named = named
        self._among = among

    async def load(self, asker: Asker, readable: frozenset[int], number: int) -> MemoryPage:
        """See MemoryPages."""
        return await self._named.about(
            asker,
            readable=readable,
            kind=self.wanted.kind,
            words=self.wanted.words,
            among=self._among,
            offset=number * PER_PART,
            limit=PER_PART,
        )

    async def shown(self, asker: Asker, memories: Sequence[Memory]) -> Shown:
        """See MemoryPages."""
        undecided = (await self._named.standing(asker)).undecided
        waiting = [texts.flags_wait(undecided)] if undecided else []
        offers = (Choice.REPLACE_NAME, Choice.FLAG)
        return Shown(
            offers={memory.id: tuple(Offer(memory.id, choice) for choice in offers) for memory in memories},
            notes=(*([ABOUT_NOTE, texts.MESSAGE_STAYS] if memories else []), *waiting),
        )

    def title(self, total: int) -> str:
        """See MemoryPages."""
        return Phrase.plural("{number} memory about you", "{number} memories about you", total)


class DecidePages(MemoryPages):
    """Flagged memories that a member may decide on, page by page."""

    empty = NOTHING_TO_DECIDE

    def __init__(
        self, named: NamedMembers, directory: Directory, access: Access, presenter: Presenter, wanted: MemoryFilter
    ) -> None:
        super().__init__(directory, access, presenter, wanted)
        self._named = named

    async def load(self, asker: Asker, readable: frozenset[int], number: int) -> MemoryPage:
        """See MemoryPages."""
        return await self._named.to_decide(asker, offset=number * PER_PART, limit=PER_PART)

    async def shown(self, asker: Asker, memories: Sequence[Memory]) -> Shown:
        """See MemoryPages."""
        offers = (Choice.KEEP, Choice.TAKE_OUT)
        return Shown(
            offers={memory.id: tuple(Offer(memory.id, choice) for choice in offers) for memory in memories},
            own=frozenset(memory.id for memory in memories if asker.may_forget(memory)),
            notes=(DECIDE_NOTE,) if memories else (),
        )

    def title(self, total: int) -> str:
        """See MemoryPages."""
        return Phrase("Your decision: {memories}", memories=texts.memories(total))


class AboutMe:
    """Opens what names a member, of hits and answers that they are shown."""

    def __init__(
        self, named: NamedMembers, directory: Directory, access: Access, presenter: Presenter, actions: MemoryActions
    ) -> None:
        self._named = named
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._actions = actions

    async def open(self, memory_ids: Collection[str], interaction: Interaction) -> None:
        """Show the asker alone those of these memories that name them, as far as they can read them now."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = AboutPages(
            self._named, self._directory, self._access, self._presenter, MemoryFilter(), frozenset(memory_ids)
        )
        first: Page = await pages.page(interaction, 0)
        await reply_view(interaction, Pages(interaction, pages, first, self._actions))


def naming(hits: Iterable[Hit], user_id: int) -> tuple[str, ...]:
    """Ids of the memories among hits that name somebody."""
    memories = (hit.memory for hit in hits if hit.memory is not None)
    return tuple(memory.id for memory in memories if user_id in people_in([memory.text]))
