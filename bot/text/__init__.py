"""What a text says, without a model: words, languages, dates, figures and secrets.

The full-text index over messages and memories is here as well. Every pattern over text of members or models takes
linear time.
"""

from bot.text.analysis import question_terms, terms
from bot.text.appointments import Appointment, appointments
from bot.text.calendar_dates import ToldDays, occurrences, relative_times_of, tells
from bot.text.calendar_words import CURRENCIES, DURATIONS, SIZES, WRITTEN_MONTHS, language_of
from bot.text.chat_text import URL, folded, one_line, own_words, visible
from bot.text.control_characters import printable
from bot.text.figures import values_of
from bot.text.folding import fold
from bot.text.fulltext import CHANNELS_IN_MATCH, Document, FullText, FullTextEntry, SearchScope, document_length
from bot.text.identifiers import MENTION, identifiers_of, is_in, links_of, runs_of, without_identifiers
from bot.text.languages import STOP_WORDS
from bot.text.meanings import NO_SIGN, SIGNS_LIKE, Clock, Day, Meaning, Number, Value
from bot.text.moments import parse_since, parse_until, window_in_words
from bot.text.periods import Period, is_dated_in, periods_of
from bot.text.row_statements import Indexed
from bot.text.scope_tokens import author_token, channel_token, guild_token, mention_token
from bot.text.secrets import REDACTED, SecretFinder
from bot.text.statistics import Corpus, Statistics
from bot.text.written_dates import with_written_dates, with_written_times

__all__ = [
    "CHANNELS_IN_MATCH",
    "CURRENCIES",
    "DURATIONS",
    "MENTION",
    "NO_SIGN",
    "REDACTED",
    "SIGNS_LIKE",
    "SIZES",
    "STOP_WORDS",
    "URL",
    "WRITTEN_MONTHS",
    "Appointment",
    "Clock",
    "Corpus",
    "Day",
    "Document",
    "FullText",
    "FullTextEntry",
    "Indexed",
    "Meaning",
    "Number",
    "Period",
    "SearchScope",
    "SecretFinder",
    "Statistics",
    "ToldDays",
    "Value",
    "appointments",
    "author_token",
    "channel_token",
    "document_length",
    "fold",
    "folded",
    "guild_token",
    "identifiers_of",
    "is_dated_in",
    "is_in",
    "language_of",
    "links_of",
    "mention_token",
    "occurrences",
    "one_line",
    "own_words",
    "parse_since",
    "parse_until",
    "periods_of",
    "printable",
    "question_terms",
    "relative_times_of",
    "runs_of",
    "tells",
    "terms",
    "values_of",
    "visible",
    "window_in_words",
    "with_written_dates",
    "with_written_times",
    "without_identifiers",
]
