"""The numbered lines that an answer may stand on: messages of excerpts, and memories with what held before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from bot.domain import Hit, Line, Memory, MemoryKind, Message, name_of, with_names
from bot.remember import Hearing, ShownLine, Transcript
from bot.text import SecretFinder, own_words

ROOM = 8_000
"""Characters of all lines with their numbers, speakers and times: some 2,000 tokens, so what recall finds fits in."""

LINE_CHARS = 1_500
"""Of one line: a long one must not take the room of all others."""

HEAD_CHARS = 32
"""Of a line's number, speaker and time."""

AROUND = 2
"""Lines of the same excerpt that are shown around a cited one, to understand it by."""

_MARKS = {MemoryKind.QUESTION: "still open: ", MemoryKind.TOPIC: "they talked about: "}
_BEFORE = "held before, no longer: "


@dataclass(frozen=True, slots=True)
class Material:
    """What was found and may be shown to the model and to whoever asks.

    Attributes:
        hits: best first; behind a memory what held before it.
        names: display names of everybody in them.
        past: ids of the memories that something newer replaced.
    """

    hits: Sequence[Hit]
    names: Mapping[int, str]
    past: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """One line that may be cited.

    Attributes:
        number: by which the model cites it.
        hit: the hit that it belongs to, by its place.
        message_id: where a citation of it leads.
        author_ids: who said it; of a memory all its speakers.
        speaker: who said it, by name.
        said: its words, people by name.
        day: when it was said, where the members are.
    """

    number: int
    hit: int
    message_id: int
    channel_id: int
    author_ids: tuple[int, ...]
    speaker: str
    said: str
    day: date


@dataclass(frozen=True, slots=True)
class _Item:
    """A line before it has its number."""

    hit: int
    channel_id: int
    author_ids: tuple[int, ...]
    message: Message


class Evidence:
    """The lines of what was found.

    Attributes:
        sources: the lines by number.
        transcript: the lines as a model is shown them, and who is who in them.
        names: display names of everybody in them.
        hearing: what the lines hold, for exact checks.
    """

    def __init__(
        self, sources: Mapping[int, Source], transcript: Transcript, names: Mapping[int, str], zone: tzinfo
    ) -> None:
        self.sources, self.transcript, self.names = sources, transcript, names
        self.hearing = Hearing(list(transcript.lines.values()), zone)

    @property
    def shown(self) -> str:
        """All lines as the model reads them, those of one hit together."""
        return self._shown(self.sources.values())

    def around(self, cited: Iterable[int]) -> str:
        """The cited lines, with those around them that they are understood by."""
        places = {(self.sources[n].hit, n) for n in cited}
        near = {
            source.number: source
            for source in self.sources.values()
            if any(source.hit == hit and abs(source.number - n) <= AROUND for hit, n in places)
        }
        return self._shown(near.values())

    def _shown(self, sources: Iterable[Source]) -> str:
        by_hit: dict[int, list[ShownLine]] = {}
        for source in sources:
            by_hit.setdefault(source.hit, []).append(self.transcript.lines[source.number])
        return "\n\n".join(self.transcript.shown(lines, timed=True) for lines in by_hit.values())


def evidence_of(
    material: Material, secrets: SecretFinder, zone: tzinfo, *, people: Iterable[int] = (), room: int = ROOM
) -> Evidence:
    """The lines of hits, best hit first and in each the oldest first, until there is no more room.

    A message that stands in several hits is one line. Secrets are taken out: what is found is shown to people, but it
    need not be shown to a model. The `people` have labels, whether they are in the lines or not.
    """
    items = list(_fitting(material, room))
    transcript = Transcript(
        [item.message for item in items], context=(), names=material.names, secrets=secrets, zone=zone
    )
    for user_id in people:
        transcript.label(user_id)
    left = iter(items)
    sources = {}
    for number, line in transcript.lines.items():
        item = next(item for item in left if item.message.id == line.message_id)  # lines without text are left out
        speakers = [name_of(author_id, material.names) for author_id in item.author_ids]
        sources[number] = Source(
            number=number,
            hit=item.hit,
            message_id=line.message_id,
            channel_id=item.channel_id,
            author_ids=item.author_ids,
            speaker=", ".join(speakers[:3]),
            said=with_names(line.text, material.names),
            day=line.day,
        )
    return Evidence(sources, transcript, material.names, zone)


def _fitting(material: Material, room: int) -> Iterator[_Item]:
    seen: set[int] = set()
    for place, hit in enumerate(material.hits):
        if hit.memory is not None:
            items = [_of_memory(place, hit, hit.memory, is_past=hit.memory.id in material.past)]
        else:
            items = [_of_line(place, hit, line) for line in hit.lines if line.message_id not in seen and _tells(line)]
        items = _nearest(items, hit.anchor, room)
        room -= sum(map(_size, items))
        if hit.memory is None:
            seen.update(item.message.id for item in items)
        yield from items


def _tells(line: Line) -> bool:
    """Whether there is a word in what they said themselves."""
    return any(map(str.isalnum, own_words(line.content)))


def _nearest(items: Sequence[_Item], anchor: int, room: int) -> list[_Item]:
    """As many items as there is room for, those nearest to the anchor, in their order."""
    middle = next((n for n, item in enumerate(items) if item.message.id >= anchor), len(items) - 1)
    fitting: set[int] = set()
    for n in sorted(range(len(items)), key=lambda n: abs(n - middle)):
        room -= _size(items[n])
        if room < 0:
            break
        fitting.add(n)
    return [item for n, item in enumerate(items) if n in fitting]


def _size(item: _Item) -> int:
    return HEAD_CHARS + len(item.message.content)


def _of_memory(place: int, hit: Hit, memory: Memory, *, is_past: bool) -> _Item:
    mark = _BEFORE if is_past else _MARKS.get(memory.kind, "")
    return _item(place, hit, hit.anchor, hit.author_ids, mark + hit.text)


def _of_line(place: int, hit: Hit, line: Line) -> _Item:
    content = own_words(line.content)
    if len(content) > LINE_CHARS:
        content = content[:LINE_CHARS].rsplit(" ", 1)[0]
    return _item(place, hit, line.message_id, (line.author_id,), content, line.reply_to)


def _item(
    place: int, hit: Hit, message_id: int, author_ids: tuple[int, ...], content: str, reply_to: int | None = None
) -> _Item:
    message = Message(
        id=message_id,
        guild_id=hit.guild_id,
        channel_id=hit.anchor_channel_id,
        author_id=author_ids[0],
        content=content,
        reply_to=reply_to,
    )
    return _Item(place, hit.anchor_channel_id, author_ids, message)
