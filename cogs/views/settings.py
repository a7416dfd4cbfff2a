"""The panel of a server's rules: whose messages and facts are kept, how long memories stay, and its time zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.domain import MemoryKind, Phrase
from bot.guilds import ConsentRule, FactsRule, Rules, days_of, kind_name, lifetimes_in_words
from bot.languages import Language
from cogs.errors import answer_error
from cogs.faults import UNREACHABLE
from cogs.languages import language_of
from cogs.views.base import Interaction, OwnView

FOREVER = "0"
"""The choice of no limit."""

LIFETIMES = (30, 90, 180, 365, 730)
"""Days that can be chosen."""

_CONSENT = {
    ConsentRule.EVERYBODY: Phrase("Everybody, unless they opted out"),
    ConsentRule.OPTED_IN: Phrase("Only members who opted in"),
}
_FACTS = {
    FactsRule.ASKED: Phrase("Members who switched it on"),
    FactsRule.EVERYBODY: Phrase("Everybody who did not switch it off"),
    FactsRule.NOBODY: Phrase("Nobody"),
}

READ_AGAIN = Phrase(
    "**Read again** what is kept, as with a better model: after everything new, without doubling anything, and without "
    "bringing back what was forgotten or replaced."
)

Change = Callable[[Interaction, "Choice"], Awaitable[Rules]]
"""Told what was chosen; returns the rules that hold then."""


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A time zone as an admin wrote it; nothing but blanks for that of the bot."""

    text: str


@dataclass(frozen=True, slots=True)
class WarningsChannel:
    """Where admins are warned; None for nowhere."""

    channel_id: int | None


Choice = ConsentRule | FactsRule | TimeZone | WarningsChannel | tuple[MemoryKind, int | None]


Line = Callable[[str], Awaitable[bool]]
ReadAgain = Callable[[Interaction, Line], Awaitable[None]]
"""Has what is kept read again, and is given what shows one line on how far that is (False: not any more)."""


class RulesView(OwnView):
    """Lets the rules of a server be chosen.

    Args:
        interaction: whose answer this is.
        rules: that hold now.
        change: lets a choice hold.
    """

    def __init__(self, interaction: Interaction, *, rules: Rules, change: Change) -> None:
        super().__init__(interaction)
        self._rules = rules
        self._change = change
        self._kind = MemoryKind.FACT

    async def chosen(self, interaction: Interaction, choice: Choice) -> None:
        """Hand a choice on, and show what holds now."""
        await interaction.response.defer()
        await self._show(interaction, await self._change(interaction, choice))

    async def show_kind(self, interaction: Interaction, kind: MemoryKind) -> None:
        """Let the lifetime of another kind be chosen."""
        await interaction.response.defer()
        self._kind = kind
        await self._show(interaction, self._rules)

    async def limit(self, interaction: Interaction, days: int | None) -> None:
        """The lifetime of the kind at hand was chosen."""
        await self.chosen(interaction, (self._kind, days))

    async def _show(self, interaction: Interaction, rules: Rules) -> None:
        self._rules = rules
        self.clear_items()
        self._fill()
        await interaction.edit_original_response(view=self, allowed_mentions=discord.AllowedMentions.none())

    def _fill(self) -> None:
        """Show what there is, with the rules as they are."""
        raise NotImplementedError

    def _ask_consent(self, box: ui.Container[Any]) -> None:
        """Ask whose messages, and whose facts, are kept."""
        language = self.language
        box.add_item(ui.TextDisplay(language.say("**Whose messages** are kept in observed channels")))
        box.add_item(ui.ActionRow(_of(ConsentRule, _CONSENT, self._rules.consent, language)))
        box.add_item(ui.TextDisplay(language.say("**Whose facts** about themselves are kept")))
        box.add_item(ui.ActionRow(_of(FactsRule, _FACTS, self._rules.facts, language)))

    def _ask_lifetimes(self, box: ui.Container[Any]) -> None:
        """Ask how long memories of each kind are kept."""
        lifetimes = lifetimes_in_words(self._rules.lifetimes)
        how_long = self.language.say("**How long** memories are kept. {lifetimes}", lifetimes=lifetimes)
        box.add_item(ui.TextDisplay(how_long))
        box.add_item(ui.ActionRow(_Kind(self._kind, self.language)))
        box.add_item(ui.ActionRow(_Lifetime(self._rules.lifetimes[self._kind], self.language)))


class SettingsPanel(RulesView):
    """Shows the rules, and lets each be changed.

    Args:
        interaction: whose answer this is.
        rules: that hold now.
        change: lets a choice hold.
        own_zone: the name of the bot's own time zone, which holds where the server chose none.
        warnings: the channel in which admins are warned; None where they are not.
        read_again: has what is kept read again.
        reading: how far that is; empty where nothing is read again.
    """

    def __init__(
        self,
        interaction: Interaction,
        *,
        rules: Rules,
        own_zone: str,
        warnings: int | None,
        change: Change,
        read_again: ReadAgain,
        reading: str,
    ) -> None:
        super().__init__(interaction, rules=rules, change=change)
        self._own_zone = own_zone
        self._warnings = warnings
        self._read_again = read_again
        self._reading = reading
        self._fill()

    async def ask_zone(self, interaction: Interaction) -> None:
        """Ask for the name of the time zone."""
        await interaction.response.send_modal(ZoneModal(interaction, self._rules.zone or self._own_zone, self.chosen))

    async def warn_in(self, interaction: Interaction, channel_id: int | None) -> None:
        """Warn there from now on, and show what holds now."""
        await interaction.response.defer()
        rules = await self._change(interaction, WarningsChannel(channel_id))
        self._warnings = channel_id
        await self._show(interaction, rules)

    async def read_again(self, interaction: Interaction) -> None:
        """Have what is kept read again, and show how far that is."""
        await interaction.response.defer()

        async def show(line: str) -> bool:
            if self.is_finished():
                return False
            self._reading = line
            try:
                await self._show(interaction, self._rules)
            except UNREACHABLE:
                return False  # dismissed by the member
            return True

        await self._read_again(interaction, show)

    def _fill(self) -> None:
        language = self.language
        box = ui.Container[SettingsPanel](ui.TextDisplay(f"## {language.say('Rules of this server')}"))
        self._ask_consent(box)
        self._ask_lifetimes(box)
        zone = self._rules.zone or Phrase("{zone}, the bot's own", zone=self._own_zone)
        about = language.say("**Time zone**: {zone}. It decides when a day begins, as in `yesterday`.", zone=zone)
        box.add_item(ui.Section(ui.TextDisplay(about), accessory=_Zone(language.say("Change"))))
        warned = language.say(
            "**Warnings**: where I tell that the language model is away, that messages near the end of their time are "
            "not read yet, that a deletion can't be finished, or that I lost a permission. Everybody who reads that "
            "channel sees it."
        )
        box.add_item(ui.TextDisplay(warned))
        box.add_item(ui.ActionRow(_Warnings(self._warnings, language.say("No warnings; choose a channel"))))
        stays = language.say(
            "What is kept already stays, but for memories whose time is over; `/memory forget-channel` and "
            "`/memory forget-server` delete. Notices of observed channels follow the rule."
        )
        box.add_item(ui.TextDisplay(f"-# {stays}"))
        box.add_item(ui.TextDisplay(language.translated(self._reading or READ_AGAIN)))
        box.add_item(ui.ActionRow(_ReadAgain(language.say("Read again"), enabled=not self._reading)))
        self.add_item(box)


class ZoneModal(ui.Modal):
    """Asks for the name of a time zone, and hands it on."""

    def __init__(
        self, interaction: Interaction, zone: str, chosen: Callable[[Interaction, TimeZone], Awaitable[None]]
    ) -> None:
        language = language_of(interaction)
        super().__init__(title=language.say("Time zone"))
        self._chosen = chosen
        interaction.client.waiting.add(self)
        self._name = ui.TextInput[ui.Modal](default=zone, required=False, max_length=64)
        about = language.say("A city or an IANA name, such as Europe/Berlin; leave it empty for the bot's own.")
        where = language.say("Where are most members?")
        self.add_item(ui.Label[ui.Modal](text=where, description=about, component=self._name))

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Hand the name on."""
        await self._chosen(interaction, TimeZone(self._name.value))

    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:  # type: ignore[override]  # a modal has no item
        """Answer with one sentence."""
        await answer_error(interaction, error)


class _Zone(ui.Button[SettingsPanel]):
    def __init__(self, label: str) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary)

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.ask_zone(interaction)


class _ReadAgain(ui.Button[SettingsPanel]):
    def __init__(self, label: str, *, enabled: bool) -> None:
        super().__init__(label=label, style=discord.ButtonStyle.secondary, disabled=not enabled)

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.read_again(interaction)


class _Warnings(ui.ChannelSelect[SettingsPanel]):
    def __init__(self, channel_id: int | None, label: str) -> None:
        chosen = [] if channel_id is None else [channel_id]
        kind = discord.SelectDefaultValueType.channel
        super().__init__(
            channel_types=[discord.ChannelType.text],
            placeholder=label,
            min_values=0,
            max_values=1,
            default_values=[discord.SelectDefaultValue(id=each, type=kind) for each in chosen],
        )

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.warn_in(interaction, next((channel.id for channel in self.values), None))


class _Rule(ui.Select[RulesView]):
    def __init__(self, options: Sequence[discord.SelectOption], choices: Mapping[str, Choice]) -> None:
        super().__init__(options=list(options))
        self._choices = choices

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.chosen(interaction, self._choices[self.values[0]])


def _of(
    rule: type[ConsentRule | FactsRule],
    labels: Mapping[ConsentRule, str] | Mapping[FactsRule, str],
    now: str,
    language: Language,
) -> _Rule:
    options = [
        discord.SelectOption(label=language.translated(label), value=value, default=value == now)
        for value, label in labels.items()
    ]
    return _Rule(options, {value.value: value for value in rule})


class _Kind(ui.Select[RulesView]):
    def __init__(self, now: MemoryKind, language: Language) -> None:
        options = [
            discord.SelectOption(label=language.translated(kind_name(kind)), value=kind, default=kind is now)
            for kind in MemoryKind
        ]
        super().__init__(options=options)

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.show_kind(interaction, MemoryKind(self.values[0]))


class _Lifetime(ui.Select[RulesView]):
    def __init__(self, now: int | None, language: Language) -> None:
        options = [
            discord.SelectOption(label=language.translated(days_of(days)), value=str(days), default=days == now)
            for days in LIFETIMES
        ]
        forever = discord.SelectOption(
            label=language.say("Until they are forgotten"), value=FOREVER, default=now is None
        )
        super().__init__(options=[*options, forever])

    async def callback(self, interaction: Interaction) -> None:
        if self.view is not None:
            await self.view.limit(interaction, int(self.values[0]) or None)
