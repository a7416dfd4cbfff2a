"""What every view here has in common: it belongs to one member, ends cleanly, and says so when something fails.

A view lives in this process: after a restart nobody waits for what its buttons do, though Discord still shows them.
`Waiting` tells these apart, so that they can be answered.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import discord
from discord import ui

from cogs import texts
from cogs.errors import answer_error
from cogs.faults import UNREACHABLE
from cogs.languages import language_of
from cogs.reply import reply

Interaction = discord.Interaction[Any]

PANEL_SECONDS = 840.0
"""A view can be changed for 15 minutes after the last press, as long as its token lives; it ends a minute before."""


class OpenViews:
    """The views and modals of this process that can still be used; belongs to one client."""

    def __init__(self) -> None:
        self._open: WeakSet[ui.LayoutView | ui.Modal] = WeakSet()

    def add(self, view: ui.LayoutView | ui.Modal) -> None:
        """Somebody may use it from now on, until it is finished."""
        self._open.add(view)

    def knows(self, custom_id: str) -> bool:
        """Whether something waits for this component or modal."""
        return any(custom_id in _custom_ids(view) for view in self._open if not view.is_finished())


def _custom_ids(view: ui.LayoutView | ui.Modal) -> set[str]:
    if isinstance(view, ui.Modal):
        return {view.custom_id}
    ids = (getattr(item, "custom_id", None) for item in view.walk_children())
    return {custom_id for custom_id in ids if custom_id}


def switch_off(view: ui.LayoutView) -> None:
    """Let nothing in a view be pressed any more; what is shown stays, and so do its links."""
    for item in view.walk_children():
        if isinstance(item, ui.ChannelSelect | ui.Select) or (isinstance(item, ui.Button) and item.url is None):
            item.disabled = True


class OwnView(ui.LayoutView):
    """A view for the member who asked, and for nobody else.

    Args:
        interaction: whose answer this is.
        timeout: seconds without a press after which it ends.

    Attributes:
        language: in which it is written, that of the member.
    """

    def __init__(self, interaction: Interaction, *, timeout: float = PANEL_SECONDS) -> None:
        super().__init__(timeout=timeout)
        self.language = language_of(interaction)
        self._asker_id = interaction.user.id
        self._latest = interaction
        interaction.client.waiting.add(self)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Let only the asker press; everybody else is told to ask themselves."""
        if interaction.user.id != self._asker_id:
            await reply(interaction, texts.NOT_YOURS)
            return False
        self._latest = interaction
        return True

    async def on_error(self, interaction: Interaction, error: Exception, item: ui.Item[Any], /) -> None:
        """Answer with one sentence."""
        await answer_error(interaction, error)

    async def on_timeout(self) -> None:
        """Leave what was shown, without buttons that don't answer any more."""
        switch_off(self)
        try:
            await self._latest.edit_original_response(view=self)
        except UNREACHABLE:
            return  # dismissed by the member, or the token is gone: nothing is left to tidy
