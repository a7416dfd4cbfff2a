"""Pages of found or remembered things: text, caption, a link to the message, and Forget where it is allowed.

Made to be read on a phone: links stand in the text, for a button beside it would leave it half of the width.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import discord
from discord import ui

from bot.domain import Phrase
from bot.languages import Language
from cogs.views.base import Interaction, OwnView
from cogs.views.choices import ABOUT, LABELS, AboutMeButton, Offer
from cogs.views.remember import CorrectModal

PER_PAGE = 5
"""Five components each at most, with frame and paging below Discord's limit of 40."""

ITEM_CHARS = 480
"""Five of these with captions and title stay below Discord's 4,000 characters for one view."""

ITEMS_CHARS = 3_400
"""Of all items of a page; with title and notes they stay below those 4,000."""

FORGET_QUESTION = Phrase("**Forget this?** That can't be undone.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageItem:
    """One thing on a page, ready to be shown.

    Attributes:
        text: Discord Markdown, escaped where it came from people.
        caption: a small line: who, when, where.
        url: where it was said.
        memory_id: the memory that the asker may forget; None where they may not.
        correctable: whether the asker may put it right.
        event_of: the memory of which the asker may have an event made; None where they may not.
        offers: what the asker may choose about it because it names somebody.
    """

    text: str
    caption: str
    url: str
    memory_id: str | None = None
    correctable: bool = False
    event_of: str | None = None
    offers: tuple[Offer, ...] = ()

    @property
    def lines(self) -> int:
        """How many lines its text has."""
        return self.text.count("\n") + 1

    def without_last_line(self) -> PageItem:
        """The same with less of what stands below the first line."""
        return replace(self, text=self.text.rpartition("\n")[0])

    def markdown(self, language: Language) -> str:
        """All of it as text."""
        return f"{self.text}\n-# {self.caption} · [{language.say('jump')}]({self.url})"


def fitting(items: Sequence[PageItem], language: Language) -> list[PageItem]:
    """The items, the longest without their last lines where they are too long together; first lines always fit."""
    fitted = list(items)
    while sum(lengths := [len(item.markdown(language)) for item in fitted]) > ITEMS_CHARS:
        place = max(range(len(fitted)), key=lambda place: (fitted[place].lines > 1, lengths[place]))
        if fitted[place].lines == 1:
            break
        fitted[place] = fitted[place].without_last_line()
    return fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, ready to be shown.

    Attributes:
        number: counts from 0.
        pages: how many there are; 0 with nothing to show.
        text: Discord Markdown above the items, or in place of them.
        weaker: how many items that fit less come on the pages after this one, if it is the last of the others.
        dense: whether the buttons of all items stand in one row, with their numbers.
        notes: one line each, below the items.
        empty: shown where there is neither.
        about: the memories on it that name the asker.
        parts: other lists that belong to this one, and itself.
    """

    title: str
    items: tuple[PageItem, ...] = ()
    number: int = 0
    pages: int = 1
    text: str = ""
    weaker: int = 0
    dense: bool = False
    notes: tuple[str, ...] = ()
    empty: str = ""
    about: tuple[str, ...] = ()
    parts: tuple[ListPart, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPart:
    """A list that can be turned to.

    Attributes:
        source: where its pages come from; None for the list that is shown.
    """

    label: str
    source: PageSource | None


class PageSource(Protocol):
    """Where pages come from; it checks anew what the member may see each time."""

    async def page(self, interaction: Interaction, number: int) -> Page:
        """The page with this number, or the last one where there are fewer."""


class Actions(Protocol):
    """What may be done with a memory on a page; it checks anew what the member may do each time."""

    async def forget(self, interaction: Interaction, memory_id: str) -> str:
        """Forget a memory; one sentence on what that did."""

    async def wording(self, interaction: Interaction, memory_id: str) -> str:
        """The text of a memory as it is stored now, for who may put it right."""

    async def correct(self, interaction: Interaction, memory_id: str, text: str) -> str:
        """Put a memory right; one sentence on what that did."""

    async def choose(self, interaction: Interaction, offer: Offer) -> str:
        """Do what was chosen about a memory that names somebody; one sentence on what that did."""


Share = Callable[[Interaction, int], Awaitable[str]]
"""Posts the page with this number for everybody; one sentence on what that did."""


MakeEvent = Callable[[Interaction, str], Awaitable[str]]
"""Makes an event of a memory; one sentence on what that did."""

Press = Callable[[Interaction], Awaitable[None]]
"""What a button does."""

OpenAbout = Callable[[Sequence[str], Interaction], Awaitable[None]]
"""Shows the asker alone what names them, of these memories."""


class Pages(OwnView):
    """Shows one page and turns to others.

    Args:
        interaction: whose answer this is.
        source: where pages come from.
        page: the first one.
        actions: what may be done with memories; None where no page has any that may be changed.
        share: posts a page for everybody; None where there is no such thing.
        make_event: makes an event of a memory; None where none is offered.
        open_about: opens what names the asker; None where that is not offered.
    """

    def __init__(
        self,
        interaction: Interaction,
        source: PageSource,
        page: Page,
        actions: Actions | None = None,
        *,
        share: Share | None = None,
        make_event: MakeEvent | None = None,
        open_about: OpenAbout | None = None,
    ) -> None:
        super().__init__(interaction)
        self._source = source
        self._actions = actions
        self._share = share
        self._make_event = make_event
        self._open_about = open_about
        self._fill(page)

    async def turn(self, interaction: Interaction, number: int) -> None:
        """Show another page, as it is now."""
        await interaction.response.defer()
        await self._show(interaction, await self._source.page(interaction, number))

    async def ask_to_forget(self, interaction: Interaction, memory_id: str) -> None:
        """Ask in the place of an item's buttons whether to forget it."""
        await interaction.response.defer()
        await self._show(interaction, await self._source.page(interaction, self._number), asked=memory_id)

    async def keep(self, interaction: Interaction) -> None:
        """Forget nothing, and show the page as it is."""
        await self.turn(interaction, self._number)

    async def forget(self, interaction: Interaction, memory_id: str) -> None:
        """Forget one item and show what is left of the page."""
        await interaction.response.defer()
        outcome = "" if self._actions is None else await self._actions.forget(interaction, memory_id)
        await self._show(interaction, await self._source.page(interaction, self._number), outcome)

    async def choose(self, offer: Offer, interaction: Interaction) -> None:
        """Do what was chosen about one item, and show what is left of the page."""
        await interaction.response.defer()
        outcome = "" if self._actions is None else await self._actions.choose(interaction, offer)
        await self._show(interaction, await self._source.page(interaction, self._number), outcome)

    async def turn_to(self, source: PageSource, interaction: Interaction) -> None:
        """Show the first page of another list."""
        self._source = source
        await self.turn(interaction, 0)

    async def make_event(self, interaction: Interaction, memory_id: str) -> None:
        """Make an event of one item, and show the page as it is then."""
        await interaction.response.defer()
        outcome = "" if self._make_event is None else await self._make_event(interaction, memory_id)
        await self._show(interaction, await self._source.page(interaction, self._number), outcome)

    async def share(self, interaction: Interaction) -> None:
        """Post this page for everybody, and show it as it is then."""
        await interaction.response.defer()
        outcome = "" if self._share is None else await self._share(interaction, self._number)
        await self._show(interaction, await self._source.page(interaction, self._number), outcome)

    async def _show(self, interaction: Interaction, page: Page, *notes: str, asked: str | None = None) -> None:
        self.clear_items()
        self._fill(page, *notes, asked=asked)
        await interaction.edit_original_response(view=self, allowed_mentions=discord.AllowedMentions.none())

    async def correct(self, interaction: Interaction, memory_id: str, text: str) -> None:
        """Put one item right and show the page as it is then."""
        await interaction.response.defer()
        outcome = "" if self._actions is None else await self._actions.correct(interaction, memory_id, text)
        await self._show(interaction, await self._source.page(interaction, self._number), outcome)

    async def ask_what_is_right(self, interaction: Interaction, memory_id: str) -> None:
        """Let one item be put right, if the asker may still do that."""
        text = "" if self._actions is None else await self._actions.wording(interaction, memory_id)

        async def put_right(interaction: Interaction, text: str) -> None:
            if await self.interaction_check(interaction):
                await self.correct(interaction, memory_id, text)

        await interaction.response.send_modal(CorrectModal(interaction, text, put_right))

    def _buttons(self, item: PageItem) -> list[ui.Button[Pages]]:
        offered: list[ui.Button[Pages]] = [
            _Press(self.language.translated(LABELS[offer.choice]), partial(self.choose, offer)) for offer in item.offers
        ]
        if item.memory_id is None:
            return offered
        correct = (
            [_Press(self.language.say("Correct"), partial(self.ask_what_is_right, memory_id=item.memory_id))]
            if item.correctable
            else []
        )
        return [*correct, _Forget(item.memory_id, self.language.say("Forget")), *offered]

    def _turning_to(self, part: ListPart) -> ui.Button[Pages]:
        press = None if part.source is None else partial(self.turn_to, part.source)
        return _Press(self.language.translated(part.label), press)

    def _fill(self, page: Page, *notes: str, asked: str | None = None) -> None:
        self._number = page.number
        box = ui.Container[Pages](ui.TextDisplay("\n".join(filter(None, (page.title, page.text)))))
        pressed = [*self._forgetting(page.items), *self._making_events(page.items)] if page.dense else []
        for number, item in enumerate(fitting(page.items, self.language), start=1):
            box.add_item(ui.Separator(spacing=discord.SeparatorSpacing.small))
            box.add_item(ui.TextDisplay((f"**{number}** · " if pressed else "") + item.markdown(self.language)))
            if item.memory_id is not None and item.memory_id == asked:
                box.add_item(ui.TextDisplay(self.language.translated(FORGET_QUESTION)))
                keep = _Press(self.language.say("Keep it"), self.keep)
                box.add_item(ui.ActionRow(_ForgetForGood(asked, self.language.say("Forget it")), keep))
            elif not page.dense and (buttons := self._buttons(item)):
                box.add_item(ui.ActionRow(*buttons))
        for start in range(0, len(pressed), PER_PAGE):
            box.add_item(ui.ActionRow(*pressed[start : start + PER_PAGE]))
        below = [
            *([self.language.translated(page.empty)] if not (page.items or page.text) else []),
            *(f"-# {self.language.translated(note)}" for note in (*page.notes, *notes)),
        ]
        if below:
            box.add_item(ui.Separator())
            box.add_item(ui.TextDisplay("\n".join(below)))
        self.add_item(box)
        sharing = (
            [_Press(self.language.say("Share here"), self.share)] if self._share is not None and page.items else []
        )
        turning = [*self._turning(page), *sharing]
        if self._open_about is not None and page.about:
            about = partial(self._open_about, page.about)
            turning.append(AboutMeButton(about, self.language.translated(ABOUT)))
        for row in (turning, [self._turning_to(part) for part in page.parts]):
            if row:
                self.add_item(ui.ActionRow(*row))

    def _turning(self, page: Page) -> list[ui.Button[Pages]]:
        say, more = self.language.say, list[ui.Button[Pages]]()
        further = partial(self.turn, number=page.number + 1)
        if page.weaker:
            more.append(_Press(say("{number} more", number=page.weaker), further))
        if page.pages < 2:
            return more
        return [
            _Press(say("Back"), partial(self.turn, number=page.number - 1) if page.number > 0 else None),
            ui.Button(label=say("{number} of {pages}", number=page.number + 1, pages=page.pages), disabled=True),
            *(more or [_Press(say("Next"), further if page.number + 1 < page.pages else None)]),
        ]

    def _forgetting(self, items: Sequence[PageItem]) -> list[ui.Button[Pages]]:
        return [
            _Forget(item.memory_id, self.language.say("Forget {number}", number=number))
            for number, item in enumerate(items, start=1)
            if item.memory_id is not None
        ]

    def _making_events(self, items: Sequence[PageItem]) -> list[ui.Button[Pages]]:
        return [
            _Press(
                self.language.say("Make event {number}", number=number),
                partial(self.make_event, memory_id=item.event_of),
            )
            for number, item in enumerate(items, start=1)
            if item.event_of is not None
        ]


class _Press(ui.Button[Pages]):
    def __init__(self, label: str, press: Press | None) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary, disabled=press is None)
        self._press = press

    async def callback(self, interaction: Interaction) -> None:
        if self._press is not None:
            await self._press(interaction)


class _Forget(ui.Button[Pages]):
    def __init__(self, memory_id: str, label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.danger)
        self._memory_id = memory_id

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.ask_to_forget(interaction, self._memory_id)


class _ForgetForGood(ui.Button[Pages]):
    def __init__(self, memory_id: str, label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.danger)
        self._memory_id = memory_id

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.forget(interaction, self._memory_id)
