"""What the bot showed, pasted back by a member: it says nothing new, and its words are not that member's.

The forms are those of the views, as their Markdown and as a client copies it: a text with a caption below it, a line of
the catch-up with its way to jump, a sentence with numbered links, the receipt of a memory. A text pasted without any of
these marks can't be told from somebody who says the same again, which adds a citation and no memory.
"""

from __future__ import annotations

import re

_JUMP = r"\(<?https://(?:\w+\.)?discord(?:app)?\.com/channels/[\d/]+>?\)"
_CAPTION = re.compile(rf" · \[jump\]{_JUMP}\s*$| · #[^·\n]{{1,110}} · jump\s*$|^-# \[.*\]{_JUMP}\s*$")
"""The small line below something that recall found."""
_LINE = re.compile(
    rf"^.*(?:, \[jump\]{_JUMP}|\[\[\d+\]\]{_JUMP}).*$"
    r"|^.* – (?:[^–\n]{1,90}, )?[^–\n]{1,40}, jump\s*$"
    r"| — [^—\n]{1,130}(?: \[\d{1,2}\])+\s*$"
    r"|^\**Remembered:\**\s.*$"
    r"|^\**(?:For you|Talked about|Decided|Planned|Still open)\**\s*$"
)
"""A line that is the bot's by itself."""


def without_pasted(text: str) -> str:
    """`text` without the lines that the bot showed; a caption takes the lines above it along, up to an empty one."""
    lines: list[str] = []
    shown = 0
    for line in text.split("\n"):
        if _CAPTION.search(line):
            del lines[shown:]
        elif not _LINE.search(line):
            lines.append(line)
        if not line.strip():
            shown = len(lines)
    return "\n".join(lines)
