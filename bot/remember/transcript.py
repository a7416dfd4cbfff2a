"""A stretch of messages as the model sees it, and the way back from its answers to messages and people.

People appear as @A, @B …; names are never shown, so no nickname can pass for somebody else. Every message is one
numbered line. Nothing inside a message, statement or memory can look like another line, a label of a person, or a
marker of the model's template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from string import ascii_uppercase
from types import MappingProxyType

from bot.domain import MENTION, Message, snowflake
from bot.remember.people import People
from bot.text import SecretFinder, one_line, own_words

SILENCE_MS = 30 * 60_000
"""After a silence of this length a line tells its time."""

CONTEXT_LINES = 10
CONTEXT_CHARS = 300
"""Of a line that is only shown to be understood by."""

_LABEL = re.compile(r"(?<![@＠﹫])[@＠﹫]++([A-Z]{1,4})(?![\w])")
_TIMESTAMP = re.compile(r"<t:(\d{1,11})(?::[a-zA-Z])?>")
_EMOJI = re.compile(rf"<a?:(\w{{1,32}}):{snowflake.PATTERN}>")
CHANNEL = re.compile(rf"<#({snowflake.PATTERN})>")
_REFERENCE = re.compile(r"<(?:@&|/[\w -]{1,64}:|id:)\w{1,32}>")
_MARKER = re.compile(r"\[(/?[A-Z_]{3,})\]")
_DISGUISED = str.maketrans('<>"', "‹›”")
"""Angles look like markup to a model, and a straight quote ends its JSON string too early."""
_STRAIGHT = re.compile(r"‹(?![@#:/]?\d|@|#|a?:\w{1,32}:\d)([^‹›]*)›|([‹›])")


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of a stretch, as the model is shown it.

    Attributes:
        number: by which the model cites it.
        message_id: the message that it is.
        author_id: who said it.
        text: their own words, without secrets; people as they were mentioned (`<@user_id>`).
        day: on which it was said, where the server is.
        reply_to: id of the message that it answers.
        to: whom it speaks to by name at its start, or answers.
        is_new: False for what was read before and is shown only to be understood by.
    """

    number: int
    message_id: int
    author_id: int
    text: str
    day: date
    reply_to: int | None = None
    to: int | None = None
    is_new: bool = True


class Transcript:
    """The lines of a stretch, with ten lines before it, and who is who in them.

    Attributes:
        lines: what is shown, by number, in the order in which it was said.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        *,
        context: Sequence[Message],
        names: Mapping[int, str],
        secrets: SecretFinder,
        channels: Mapping[int, str] = MappingProxyType({}),
        zone: tzinfo = UTC,
    ) -> None:
        """Show `messages`, and the last of `context` before them.

        Args:
            messages: the stretch, oldest first.
            context: what was said before it in the channel, oldest first.
            names: display names by user id, to understand who is spoken to.
            secrets: takes secrets out of what is shown.
            channels: names of channels by id, for those that are mentioned.
            zone: of the times that are shown.
        """
        self._zone = zone
        self._people = People(names)
        self._channels = channels
        self._labels: dict[int, str] = {}
        self._authors = {m.id: m.author_id for m in (*context, *messages)}
        lines: list[ShownLine] = []
        for message, is_new in (*((m, False) for m in context[-CONTEXT_LINES:]), *((m, True) for m in messages)):
            if text := secrets.redact(self._plain(own_words(message.content))):
                lines.append(self._line(len(lines) + 1, message, text, is_new))
        self.lines = {line.number: line for line in lines}

    @property
    def people(self) -> frozenset[int]:
        """Everybody who has a label: who spoke, and who was mentioned in what was shown."""
        return frozenset(self._labels)

    @property
    def new(self) -> list[ShownLine]:
        """The lines of the stretch itself."""
        return [line for line in self.lines.values() if line.is_new]

    def shown(self, lines: Iterable[ShownLine], *, timed: bool = False) -> str:
        """Lines as the model reads them: `<number> @X to @Y, time: text`; `timed` where each has its time."""
        rows: list[str] = []
        last_ms = 0
        for line in lines:
            at = snowflake.to_ms(line.message_id)
            rows.append(self._row(line, timed=timed or at - last_ms > SILENCE_MS))
            last_ms = at
        return "\n".join(rows)

    def quoted(self, text: str) -> str:
        """A statement or memory as the model may read it, on one line, people by their labels."""
        return harmless(text, self.label)

    def label(self, user_id: int) -> str:
        """The label of a person, a new one for somebody who was not seen yet."""
        if user_id not in self._labels:
            self._labels[user_id] = f"@{_letters(len(self._labels))}"
        return self._labels[user_id]

    def resolved(self, text: str) -> tuple[str, bool]:
        """A text of the model with `<@user_id>` for labels, and whether every label in it is somebody's."""
        ids = {label: user_id for user_id, label in self._labels.items()}
        unknown = False

        def reference(match: re.Match[str]) -> str:
            nonlocal unknown
            user_id = ids.get(f"@{match[1]}")
            unknown |= user_id is None
            return match[0] if user_id is None else f"<@{user_id}>"

        straight = _STRAIGHT.sub(lambda m: m[2] or f"<{m[1]}>", text.translate(_DISGUISED)).replace("”", '"')
        return _LABEL.sub(reference, straight), not unknown

    def _line(self, number: int, message: Message, text: str, is_new: bool) -> ShownLine:
        self.label(message.author_id)
        addressed, rest = self._people.addressed(text)
        to = addressed if addressed is not None else self._authors.get(message.reply_to or 0)
        day = message.created_at.astimezone(self._zone).date()
        spoken_to = None if to == message.author_id else to
        return ShownLine(number, message.id, message.author_id, rest, day, message.reply_to, spoken_to, is_new)

    def _row(self, line: ShownLine, *, timed: bool) -> str:
        arrow = "" if line.to is None else f" to {self.label(line.to)}"
        at = snowflake.to_datetime(line.message_id).astimezone(self._zone)
        time = f", {at:%a} {at.day} {at:%B %Y %H:%M}" if timed else ""
        text = harmless(line.text, self.label)
        return f"{line.number} {self.label(line.author_id)}{arrow}{time}: " + (
            text if line.is_new else text[:CONTEXT_CHARS]
        )

    def _plain(self, text: str) -> str:
        """Discord's markup for times, emoji and channels in plain words."""
        dated = _TIMESTAMP.sub(lambda m: f"{datetime.fromtimestamp(int(m[1]), self._zone):%Y-%m-%d %H:%M %Z}", text)
        named = CHANNEL.sub(lambda m: f"#{name}" if (name := self._channels.get(int(m[1]))) else "", dated)
        return one_line(_REFERENCE.sub("", _EMOJI.sub(r":\1:", named)))


def _letters(number: int) -> str:
    """The letters that a number from 0 on has: A to Z, AA, AB and so on."""
    tens, ones = divmod(number, len(ascii_uppercase))
    return (_letters(tens - 1) if tens else "") + ascii_uppercase[ones]


def harmless(text: str, label: Callable[[int], str]) -> str:
    """A text as it may stand in a line: only real mentions look like people, by `label`, and nothing like markup."""
    unlabelled = _MARKER.sub(r"(\1)", _LABEL.sub(r"\1", text))
    pieces = MENTION.split(unlabelled)
    return one_line("".join(label(int(p)) if i % 2 else p.translate(_DISGUISED) for i, p in enumerate(pieces)))
