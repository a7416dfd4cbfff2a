"""What members read, in their own language: sentences from catalogues, numbers and days as they are written there.

It knows no database and no Discord. Other packages say their sentences as `bot.domain.Phrase`, in English with what is
needed to say them otherwise. The command line prints those as they are, so that it never reads a catalogue.
"""

from bot.languages.language import Language
from bot.languages.languages import ENGLISH, Languages

__all__ = [
    "ENGLISH",
    "Language",
    "Languages",
]
