"""Hits that overlap are one, and what is much weaker than the best comes behind the rest."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.model import Citation, Hit, HitKind, Line, Memory, MemoryKind
from bot.recall.groups import Group, grouped, page_of
from bot.recall.hits import memory_hit
from bot.recall.question import Question, Word
from bot.recall.ranking import RankedMessage, Spoken
from bot.recall.strength import with_strength

GUILD, HERE, ANN = 1, 10, 20


def statement(name: str, *message_ids: int, kind: MemoryKind = MemoryKind.DECISION) -> Hit:
    cited = tuple(Citation(message_id, HERE, ANN) for message_id in message_ids)
    return memory_hit(Memory(id=name, guild_id=GUILD, kind=kind, text=name, citations=cited))


def excerpt(*message_ids: int, strength: float = 1.0, text: str = "") -> Hit:
    return Hit(
        kind=HitKind.MESSAGE,
        text=text,
        score=0.0,
        guild_id=GUILD,
        channel_ids=frozenset({HERE}),
        message_ids=message_ids,
        author_ids=(ANN,),
        anchor=message_ids[0],
        anchor_channel_id=HERE,
        lines=tuple(Line(message_id, ANN, "hello") for message_id in message_ids),
        strength=strength,
    )


def ids(groups: list[Group]) -> list[tuple[int, ...]]:
    return [tuple(hit.anchor for hit in group.hits) for group in groups]


def test_a_statement_and_the_conversation_around_it_are_one() -> None:
    talk, made, other = excerpt(1, 2, 3), statement("made", 2), excerpt(7)
    assert [group.hits for group in grouped([talk, other, made])] == [(talk, made), (other,)]


def test_what_matched_best_after_all_that_a_statement_stands_on_is_a_hit_of_its_own() -> None:
    made, talk = statement("made", 2), replace(excerpt(2, 3, 4), anchor=4)
    assert [group.hits for group in grouped([made, talk])] == [(made,), (talk,)]
    assert [group.hits for group in grouped([talk, made])] == [(talk,), (made,)]


def test_two_statements_of_one_message_are_one_and_a_third_stands_alone() -> None:
    first, second, third = (statement(name, 1) for name in ("first", "second", "third"))
    assert [group.hits for group in grouped([first, second, third])] == [(first, second), (third,)]


def test_a_topic_gives_its_place_to_what_was_said_there() -> None:
    topic, alone = statement("topic", 1, 2, kind=MemoryKind.TOPIC), statement("alone", 9, kind=MemoryKind.TOPIC)
    other, made = excerpt(5), statement("made", 2)
    assert [group.hits for group in grouped([topic, other, made, alone])] == [(made,), (other,), (alone,)]


def test_what_is_weak_comes_last_and_on_pages_of_its_own() -> None:
    strong = [excerpt(number) for number in range(1, 7)]
    weak = [excerpt(number, strength=0.3) for number in range(11, 13)]
    groups = grouped([weak[0], *strong, weak[1]])
    assert ids(groups)[-2:] == [(11,), (12,)]
    pages = [page_of(groups, number, 5) for number in range(4)]
    assert [len(page.groups) for page in pages] == [5, 1, 2, 2]
    assert [(page.number, page.pages, page.weaker) for page in pages] == [(0, 2, 0), (1, 2, 2), (2, 3, 0), (2, 3, 0)]
    assert page_of([], 0, 5).pages == 0


def test_a_hit_is_as_strong_as_its_words_its_score_or_its_meaning() -> None:
    question = Question((Word(("oak",)), Word(("drill",))))
    ranked = [
        RankedMessage(Spoken(n, HERE, ANN, "", held, 1), (), score, (0, n))
        for n, held, score in ((1, (1, 1), 8.0), (2, (0, 0), 2.0))
    ]
    best, poor = excerpt(1, text="the oak drill"), excerpt(2, text="nothing")
    worded, meant, near = statement("oak", 7), statement("x", 8), statement("y", 9)
    above = {"x": 4.0, "y": 3.0}
    hits = with_strength([best, poor, worded, meant, near], question, ranked, above)
    assert [hit.strength for hit in hits] == [1.0, 0.25, 0.5, 1.0, 0.75]


def test_without_anything_to_compare_all_are_as_strong() -> None:
    assert [hit.strength for hit in with_strength([excerpt(1)], Question(()), [], {})] == [1.0]
