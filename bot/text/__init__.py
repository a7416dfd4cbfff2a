"""What a text says, without a model: words, languages, dates, figures and secrets.

The full-text index over messages and memories is here as well. Every pattern over text of members or models takes
linear time.
"""

from bot.text.analysis import question_terms, terms
from bot.text.chat_text import (
    URL,
    folded,
    function_words,
    is_english,
    is_filler,
    is_function_word,
    one_line,
    own_words,
    visible,
)
from bot.text.dates import RelativeTime, relative_times, tells_no_day, with_dates
from bot.text.folding import as_matched, fold
from bot.text.fulltext import (
    Entry,
    FullText,
    Indexed,
    Scope,
    author_token,
    channel_token,
    document_length,
    guild_token,
    mention_token,
)
from bot.text.languages import STOP_WORDS
from bot.text.moments import parse_since, parse_until
from bot.text.secrets import REDACTED, SecretFinder
from bot.text.statistics import Statistics
from bot.text.values import VALUE, all_said, denies_alike, values, with_values

__all__ = [
    "REDACTED",
    "STOP_WORDS",
    "URL",
    "VALUE",
    "Entry",
    "FullText",
    "Indexed",
    "RelativeTime",
    "Scope",
    "SecretFinder",
    "Statistics",
    "all_said",
    "as_matched",
    "author_token",
    "channel_token",
    "denies_alike",
    "document_length",
    "fold",
    "folded",
    "function_words",
    "guild_token",
    "is_english",
    "is_filler",
    "is_function_word",
    "mention_token",
    "one_line",
    "own_words",
    "parse_since",
    "parse_until",
    "question_terms",
    "relative_times",
    "tells_no_day",
    "terms",
    "values",
    "visible",
    "with_dates",
    "with_values",
]
