"""In which language something is shown, and what Discord is told about commands in other languages."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.domain import Phrase
from bot.languages import ENGLISH, Language, Languages

Interaction = discord.Interaction[Any]

TranslationContext = app_commands.TranslationContextTypes

_NAMES = frozenset(
    {
        app_commands.TranslationContextLocation.command_name,
        app_commands.TranslationContextLocation.group_name,
        app_commands.TranslationContextLocation.parameter_name,
    }
)
"""What members type; it is the same in every language, so that everybody can tell everybody what to type."""


def language_of(interaction: Interaction) -> Language:
    """That of the member's own Discord."""
    language: Language = interaction.client.languages.of(interaction.locale)
    return language


class DescriptionTranslator(app_commands.Translator):
    """Has Discord show descriptions of commands and options, and the names of choices, in a member's language."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: TranslationContext
    ) -> str | None:
        """What Discord shows members with this locale; None where that is the English text."""
        language = self._languages.of(locale)
        if context.location in _NAMES or language.code == ENGLISH:
            return None
        translated = language.translated(Phrase(string.message))
        return None if translated == string.message else translated
