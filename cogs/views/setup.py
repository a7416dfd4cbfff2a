"""The set-up panel: one message that leads from step to step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

import discord
from discord import ui

from bot.domain import Phrase
from bot.guilds import Rules
from cogs.views.base import Interaction
from cogs.views.settings import Change, RulesView

CHANNEL_TYPES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
    discord.ChannelType.category,
]

MAX_CHOSEN = 25
"""Channels in one select menu."""


class Step(Enum):
    """The steps in their order, with their titles."""

    PERMISSIONS = Phrase("Permissions")
    CHANNELS = Phrase("Channels")
    RULES = Phrase("Rules")
    RETENTION = Phrase("Retention")
    PRIVACY = Phrase("Privacy")
    TRY = Phrase("Try it")


STEPS = tuple(Step)

Text = Callable[[Step], str]
"""What a step says, as things are then."""

Observed = Callable[[], Sequence[int]]
"""The channels and categories that are chosen now."""

Choose = Callable[[Interaction, Sequence[int], Sequence[int]], Awaitable[Sequence[str]]]
"""Told which channels were shown as chosen, and which are chosen now; one sentence on each that could not be had."""

Require = Callable[[Interaction], None]
"""Raises where the member may not use the panel any more."""


class SetupPanel(RulesView):
    """Shows one step and goes to others; each press is checked anew.

    Args:
        interaction: whose answer this is.
        text: what each step says.
        observed: what is chosen.
        choose: switches channels.
        rules: that hold now.
        change: lets a rule hold.
        require: checks who presses.
    """

    def __init__(
        self,
        interaction: Interaction,
        *,
        text: Text,
        observed: Observed,
        choose: Choose,
        rules: Rules,
        change: Change,
        require: Require,
    ) -> None:
        super().__init__(interaction, rules=rules, change=change)
        self._text = text
        self._observed = observed
        self._choose = choose
        self._require = require
        self._step = STEPS[0]
        self._shown: Sequence[int] = ()
        self._problems: Sequence[str] = ()
        self._fill()

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Let only the asker press, and only while they may."""
        if not await super().interaction_check(interaction):
            return False
        self._require(interaction)
        return True

    async def go(self, interaction: Interaction, step: Step) -> None:
        """Show another step."""
        await interaction.response.defer()
        self._step, self._problems = step, ()
        await self._show(interaction, self._rules)

    async def choose(self, interaction: Interaction, channel_ids: Sequence[int]) -> None:
        """Hand the choice on, and show what it led to."""
        await interaction.response.defer()
        self._problems = await self._choose(interaction, self._shown, channel_ids)
        await self._show(interaction, self._rules)

    def _fill(self) -> None:
        number, language = STEPS.index(self._step), self.language
        title = language.say("Set-up: {step}", step=self._step.value)
        place = language.say("Step {number} of {steps}", number=number + 1, steps=len(STEPS))
        text = language.translated(self._text(self._step))
        box = ui.Container[Any](ui.TextDisplay(f"## {title}\n-# {place}"), ui.TextDisplay(text))
        match self._step:
            case Step.CHANNELS:
                self._shown = self._observed()[:MAX_CHOSEN]
                box.add_item(ui.ActionRow(_Channels(self._shown, language.say("Channels and categories to observe"))))
            case Step.RULES:
                self._ask_consent(box)
            case Step.RETENTION:
                self._ask_lifetimes(box)
        if self._problems:
            box.add_item(ui.TextDisplay("\n".join(f"⚠️ {language.translated(problem)}" for problem in self._problems)))
        self.add_item(box)
        before, after = STEPS[max(0, number - 1)], STEPS[min(len(STEPS) - 1, number + 1)]
        back = _Go(language.say("Back"), before, enabled=before is not self._step)
        self.add_item(ui.ActionRow(back, _Go(language.say("Next"), after, enabled=after is not self._step)))


class _Go(ui.Button[SetupPanel]):
    def __init__(self, label: str, step: Step, *, enabled: bool) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary, disabled=not enabled)
        self._step = step

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.go(interaction, self._step)


class _Channels(ui.ChannelSelect[SetupPanel]):
    def __init__(self, observed: Sequence[int], label: str) -> None:
        defaults = [discord.SelectDefaultValue(id=i, type=discord.SelectDefaultValueType.channel) for i in observed]
        super().__init__(
            channel_types=CHANNEL_TYPES,
            placeholder=label,
            min_values=0,
            max_values=MAX_CHOSEN,
            default_values=defaults,
        )

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.choose(interaction, [channel.id for channel in self.values])
