"""What is about to be shown is compared with Discord, as it is when it is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import Citation, Doubt, Memory, MemoryKind
from bot.recall.presenter import ROUNDS, Presenter

GUILD, CHANNEL, AUTHOR = 1, 2, 3


def memory(message_id: int, text: str = "It opens at nine.") -> Memory:
    citations = (Citation(message_id, CHANNEL, AUTHOR),)
    return Memory(id=f"m{message_id}", guild_id=GUILD, kind=MemoryKind.DECISION, text=text, citations=citations)


@dataclass
class Discord:
    """Discord's side: which messages can't be compared, and what happens while something is compared."""

    silent: set[int] = field(default_factory=set)
    asked: list[Mapping[int, Collection[int]]] = field(default_factory=list)
    meanwhile: list[list[Memory]] = field(default_factory=list)
    shown: list[Memory] = field(default_factory=list)

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        self.asked.append(places)
        if self.meanwhile:
            self.shown = self.meanwhile.pop(0)
        return frozenset(self.silent & {i for ids in places.values() for i in ids})

    async def read(self, doubtful: frozenset[int]) -> Sequence[Memory]:
        return [m for m in self.shown if m.citations[0].message_id not in doubtful]


def presenter(discord: Discord) -> Presenter:
    return Presenter(None, None, discord)  # type: ignore[arg-type]


async def test_all_that_is_shown_was_compared() -> None:
    discord = Discord(shown=[memory(10), memory(11)])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert list(presented.items) == discord.shown
    assert discord.asked == [{CHANNEL: {10, 11}}]
    assert not presented.incomplete


async def test_what_can_not_be_compared_is_left_out_and_said() -> None:
    discord = Discord(silent={10}, shown=[memory(10), memory(11)])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert [m.id for m in presented.items] == ["m11"]
    assert presented.incomplete


async def test_what_changed_while_it_was_compared_is_shown_as_it_is_now() -> None:
    discord = Discord(shown=[memory(10), memory(11)], meanwhile=[[memory(11, "It opens at ten.")]])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert [m.text for m in presented.items] == ["It opens at ten."]


async def test_what_moved_up_onto_a_page_is_compared_before_it_is_shown() -> None:
    discord = Discord(shown=[memory(10)], meanwhile=[[memory(12)]])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert discord.asked == [{CHANNEL: {10}}, {CHANNEL: {12}}]
    assert [m.id for m in presented.items] == ["m12"]


async def test_what_changes_faster_than_it_can_be_compared_is_not_shown() -> None:
    discord = Discord(shown=[memory(10)], meanwhile=[[memory(20 + n)] for n in range(ROUNDS)])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert not presented.items


async def test_the_message_that_casts_doubt_is_compared_and_without_that_there_is_no_doubt() -> None:
    doubted = replace(memory(1), doubt=Doubt(9, CHANNEL, AUTHOR))
    discord = Discord(shown=[doubted])
    presented = await presenter(discord).present(GUILD, discord.read)
    assert presented.items == (doubted,)
    assert discord.asked[0] == {CHANNEL: {1, 9}}
    silent = Discord(shown=[doubted], silent={9})
    presented = await presenter(silent).present(GUILD, silent.read)
    assert (presented.items, presented.incomplete) == ((memory(1),), True)
