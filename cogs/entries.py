"""How a thing that happened is written: one line with who said it, when, and a link to where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.domain import Hit, Memory, MemoryKind, Phrase, jump_url
from bot.recall import OverviewSection, Part
from cogs import texts
from cogs.hits import speakers_of
from cogs.rendering import ago, day_label, safe, shorten

if TYPE_CHECKING:
    from bot.languages import Language
    from bot.text import Appointment

LINE_CHARS = (115, 80, 50, 25, 12)
"""Of what was said in each line, and of its speakers: the next lower number where all lines are too long together."""

PAGE_CHARS = 3_500
"""Of all lines; with a title and notes they stay below the 4,000 characters of a view."""

SPEAKER_CHARS = 60

_HEADINGS = {
    Part.TOPIC: Phrase("Talked about"),
    Part.DECISION: Phrase("Decided"),
    Part.PLAN: Phrase("Planned"),
    Part.QUESTION: Phrase("Still open"),
}
_LABELS = {
    Part.ASKED: Phrase("Asked of you: "),
    Part.PROMISED: Phrase("You promised: "),
    Part.DECISION: Phrase("Decided: "),
    Part.PLAN: Phrase("Planned: "),
    Part.QUESTION: Phrase("Open: "),
}
"""Before a line among others of several kinds."""


class EntryWriter:
    """Writes sections.

    Args:
        names: of everybody who is shown.
        here: the channel in which it is shown, which need not be named.
        day_of: the next day that a plan tells, if there is one.
        language: of those who read it.
    """

    def __init__(
        self,
        names: Mapping[int, str],
        *,
        here: int | None,
        day_of: Callable[[Memory], Appointment | None],
        language: Language,
    ) -> None:
        self._language = language
        self._names = names
        self._here = here
        self._day_of = day_of

    def written(self, sections: Sequence[OverviewSection], shown: Sequence[Hit]) -> str:
        """Each heading, and a line for each entry that is among the hits that may be shown, as they are now.

        Twelve lines fit into a view, whatever the names and texts are.
        """
        text = ""
        for chars in LINE_CHARS:
            text = "\n".join(line for section in sections for line in self._section(section, shown, chars))
            if len(text) <= PAGE_CHARS:
                break
        return text

    def _section(self, section: OverviewSection, shown: Sequence[Hit], chars: int) -> list[str]:
        current = {_identity(hit): hit for hit in shown}
        lines = [
            f"- {self._line(entry.part, current[_identity(entry.hit)], section, chars)}"
            for entry in section.entries
            if _identity(entry.hit) in current
        ]
        if not lines:
            return []
        more = self._language.say("and {left} more on the pages after this", left=section.left)
        return [f"**{self._heading(section)}**", *lines, *([f"-# {more}"] if section.left else [])]

    def _heading(self, section: OverviewSection) -> str:
        if section.channel_id is not None:
            return self._language.say("In {channel}", channel=f"<#{section.channel_id}>")
        return self._language.translated(Phrase("For you") if section.part is None else _HEADINGS[section.part])

    def _line(self, part: Part, hit: Hit, section: OverviewSection, chars: int) -> str:
        known = hit.anchor_channel_id in (self._here, section.channel_id)
        memory = hit.memory
        below = [
            "" if memory is None or part is Part.PROMISED else self._speakers(hit, chars),
            "" if part is not Part.TOPIC else self._language.translated(texts.messages(len(hit.message_ids))),
            "" if known else self._language.say("in {channel}", channel=f"<#{hit.anchor_channel_id}>"),
            ago(hit.created_at if memory is None else memory.said_at),
            f"[{self._language.say('jump')}]({jump_url(hit.guild_id, hit.anchor_channel_id, hit.anchor)})",
        ]
        label = self._language.translated(_LABELS.get(part, "")) if section.part is None else ""
        text = self._message_line(part, hit, chars) if memory is None else label + self._statement(memory, chars)
        return f"{text} – {', '.join(filter(None, below))}"

    def _message_line(self, part: Part, hit: Hit, chars: int) -> str:
        speaker, text = self._speakers(hit, chars), safe(hit.lines[0].content, self._names, limit=chars)
        if part is Part.REPLY:
            return self._language.say("**{speaker}** replied: {text}", speaker=speaker, text=text)
        return self._language.say("**{speaker}** mentioned you: {text}", speaker=speaker, text=text)

    def _statement(self, memory: Memory, chars: int) -> str:
        day = self._day_of(memory) if memory.kind is MemoryKind.PLAN else None
        dated = "" if day is None else f"**{day_label(self._language, day.first, day.last)}** · "
        doubt = "" if memory.doubt is None else f" ({self._language.translated(texts.MAY_HAVE_CHANGED)})"
        return f"{dated}{safe(memory.text, self._names, limit=chars)}{doubt}"

    def _speakers(self, hit: Hit, chars: int) -> str:
        return shorten(speakers_of(hit.author_ids, self._names, self._language), min(SPEAKER_CHARS, chars))


def _identity(hit: Hit) -> str | int:
    return hit.anchor if hit.memory is None else hit.memory.id
