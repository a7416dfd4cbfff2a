"""What a text says, without a model: words, languages, dates, figures and secrets.

The full-text index over messages and memories is here as well. Every pattern over text of members or models takes
linear time.
"""

from bot.text.analysis import question_terms, terms
from bot.text.appointments import Appointment, appointments
from bot.text.calendar_dates import ToldDays, occurrences, relative_times_of, tells
from bot.text.calendar_words import CURRENCIES, DURATIONS, SIZES, language_of
from bot.text.chat_text import URL, folded, one_line, own_words, visible
from bot.text.figures import values_of
from bot.text.folding import as_matched, fold
from bot.text.fulltext import (
    FullText,
    FullTextEntry,
    Indexed,
    SearchScope,
    author_token,
    channel_token,
    document_length,
    guild_token,
    mention_token,
)
from bot.text.identifiers import MENTION, identifiers_of, is_in, links_of, runs_of, without_identifiers
from bot.text.languages import STOP_WORDS
from bot.text.meanings import NO_SIGN, SIGNS_LIKE, Clock, Day, Meaning, Number, Value
from bot.text.moments import parse_since, parse_until
from bot.text.secrets import REDACTED, SecretFinder
from bot.text.statistics import Statistics
from bot.text.written_dates import with_written_dates, with_written_times

__all__ = [
    "CURRENCIES",
    "DURATIONS",
    "MENTION",
    "NO_SIGN",
    "REDACTED",
    "SIGNS_LIKE",
    "SIZES",
    "STOP_WORDS",
    "URL",
    "Appointment",
    "Clock",
    "Day",
    "FullText",
    "FullTextEntry",
    "Indexed",
    "Meaning",
    "Number",
    "SearchScope",
    "SecretFinder",
    "Statistics",
    "ToldDays",
    "Value",
    "appointments",
    "as_matched",
    "author_token",
    "channel_token",
    "document_length",
    "fold",
    "folded",
    "guild_token",
    "identifiers_of",
    "is_in",
    "language_of",
    "links_of",
    "mention_token",
    "occurrences",
    "one_line",
    "own_words",
    "parse_since",
    "parse_until",
    "question_terms",
    "relative_times_of",
    "runs_of",
    "tells",
    "terms",
    "values_of",
    "visible",
    "with_written_dates",
    "with_written_times",
    "without_identifiers",
]
