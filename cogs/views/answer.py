"""An answer with its numbered citations, and the lines that it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import ui

LISTED = 3
"""With more sentences than these, each stands on a line of its own."""


@dataclass(frozen=True, slots=True)
class CitedLine:
    """A line that an answer stands on, ready to be shown."""

    text: str
    caption: str
    url: str


def answer_box(
    title: str,
    sentences: Sequence[tuple[str, Sequence[int]]],
    cited: Sequence[CitedLine],
    *,
    below: str,
    linked: bool = True,
) -> ui.Container[ui.LayoutView]:
    """Sentences with the numbers of the lines that say them, each number a link to its message, and these lines.

    Args:
        title: the question.
        sentences: each with the places of its lines in `cited`.
        cited: what is cited, in the order of its numbers.
        below: a small line at the end.
        linked: whether the numbers are links, which take much room; the lines have them anyway.
    """

    def number_of(place: int) -> str:
        return f"[[{place + 1}]]({cited[place].url})" if linked else f"[{place + 1}]"

    numbered = [f"{text} {' '.join(map(number_of, places))}" for text, places in sentences]
    paragraph = "\n".join(f"- {text}" for text in numbered) if len(numbered) > LISTED else " ".join(numbered)
    lines = [
        f"{number}. {source.text}\n-# [{source.caption}]({source.url})" for number, source in enumerate(cited, start=1)
    ]
    box = ui.Container[ui.LayoutView](ui.TextDisplay(f"{title}\n{paragraph}"))
    box.add_item(ui.Separator(spacing=discord.SeparatorSpacing.small))
    box.add_item(ui.TextDisplay("\n".join(lines)))
    box.add_item(ui.Separator(spacing=discord.SeparatorSpacing.small))
    box.add_item(ui.TextDisplay(f"-# {below}"))
    return box
