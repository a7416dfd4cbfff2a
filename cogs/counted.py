"""Names of what is counted in receipts and in the audit trail, for members' eyes.

Stores and settings have English names of their own; those that are not among these are shown as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain import Phrase

NAMES = (
    Phrase("audit trail"),
    Phrase("barriers"),
    Phrase("channels to be read next"),
    Phrase("choices"),
    Phrase("corrections"),
    Phrase("costs"),
    Phrase("dead letters"),
    Phrase("decisions about channels"),
    Phrase("digests"),
    Phrase("doubts"),
    Phrase("erasures noted for backups"),
    Phrase("forgotten topics"),
    Phrase("full text"),
    Phrase("imports"),
    Phrase("index"),
    Phrase("memories"),
    Phrase("mentions"),
    Phrase("messages"),
    Phrase("model answers"),
    Phrase("names"),
    Phrase("public posts"),
    Phrase("questions of the last minutes"),
    Phrase("refusals"),
    Phrase("requests"),
    Phrase("rereadings"),
    Phrase("rules"),
    Phrase("servers"),
    Phrase("set aside"),
    Phrase("vectors"),
    Phrase("whose messages"),
    Phrase("whose facts"),
    Phrase("time zone"),
    Phrase("the bot's own"),
    Phrase("without limit"),
    Phrase("warnings"),
    Phrase("off"),
)
"""What catalogues know."""


def counted(numbers: Mapping[str, int | str | None]) -> list[str]:
    """A text for each that is not 0, such as "messages: 3"."""
    return [
        Phrase("{name}: {number}", name=_named(name), number=value if isinstance(value, int) else _named(str(value)))
        for name, value in numbers.items()
        if value
    ]


def _named(name: str) -> str:
    plain = name.replace("_", " ")
    return next((phrase for phrase in NAMES if phrase == plain), plain)
