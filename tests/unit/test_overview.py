"""What happened in sections and pages."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.model import Citation, Memory, MemoryKind, Message
from bot.recall.catchup import Concerning, Happened
from bot.recall.overview import OverviewSection, Part, by_channel, by_kind, pages, without

GUILD, HERE, THERE, ANN, ME = 1, 10, 11, 20, 21
NOTHING = Concerning((), (), (), ())


def memory(name: str, *message_ids: int, kind: MemoryKind = MemoryKind.DECISION, channel: int = HERE) -> Memory:
    cited = tuple(Citation(message_id, channel, ANN) for message_id in message_ids)
    return Memory(id=name, guild_id=GUILD, kind=kind, text=name, citations=cited)


def message(id_: int) -> Message:
    return Message(id=id_, guild_id=GUILD, channel_id=HERE, author_id=ANN, content="hello")


def happened(
    topics: Sequence[Memory] = (),
    decisions: Sequence[Memory] = (),
    plans: Sequence[Memory] = (),
    questions: Sequence[Memory] = (),
) -> Happened:
    return Happened(1, 0, 0, frozenset(), *map(tuple, (topics, decisions, plans, questions)))


def texts(section: OverviewSection) -> list[str]:
    return [entry.hit.text for entry in section.entries]


def test_what_is_told_to_the_reader_is_not_told_again_among_the_rest() -> None:
    plan, question = memory("plan", 1, kind=MemoryKind.PLAN), memory("question", 2, kind=MemoryKind.QUESTION)
    other = memory("other", 3, kind=MemoryKind.PLAN)
    concerning = Concerning((message(2), message(4)), (), (question,), (plan,))
    theirs, plans = by_kind(happened(plans=[plan, other], questions=[question]), concerning)
    assert [entry.part for entry in theirs.entries] == [Part.ASKED, Part.REPLY, Part.PROMISED]
    assert [entry.hit.anchor for entry in theirs.entries] == [2, 4, 1], "the reply that asks it is told as the question"
    assert texts(plans) == ["other"]


def test_by_channel_the_weightiest_comes_first_whatever_it_is() -> None:
    talk = memory("talk", *range(1, 9), kind=MemoryKind.TOPIC, channel=THERE)
    small, large = memory("small", 20), memory("large", 3, channel=THERE)
    sections = by_channel(happened([talk], [small, large]), NOTHING)
    assert [section.channel_id for section in sections] == [THERE, HERE]
    assert texts(sections[0]) == ["talk", "large"]


def test_the_first_page_has_the_best_of_all_and_later_ones_the_rest() -> None:
    decisions = [memory(f"decision {n}", n) for n in range(1, 8)]
    plans = [memory(f"plan {n}", 10 + n, kind=MemoryKind.PLAN) for n in range(1, 3)]
    first, second = pages(by_kind(happened(decisions=decisions, plans=plans), NOTHING), 6)
    assert [(texts(section), section.left) for section in first] == [
        (["decision 1", "decision 2", "decision 3", "decision 4"], 3),
        (["plan 1", "plan 2"], 0),
    ]
    assert [texts(section) for section in second] == [["decision 5", "decision 6", "decision 7"]]


def test_many_channels_take_more_pages_and_each_is_told_of_before_the_rest_of_any() -> None:
    decisions = [
        memory(f"{channel} {n}", channel * 10 + n, channel=channel) for channel in (1, 2, 3) for n in (1, 2, 3)
    ]
    cut = pages(by_channel(happened(decisions=decisions), NOTHING), 4)
    assert [[text for section in page for text in texts(section)] for page in cut] == [
        ["3 3", "3 2", "2 3", "2 2"],
        ["1 3", "1 2"],
        ["3 1", "2 1", "1 1"],
    ]
    assert all(len(page) for page in cut)


def test_nothing_has_no_pages() -> None:
    assert pages(by_kind(happened(), NOTHING), 6) == []


def test_what_can_not_be_compared_leaves_no_empty_section() -> None:
    sections = by_kind(happened([memory("topic", 1, kind=MemoryKind.TOPIC)], [memory("decision", 2)]), NOTHING)
    assert [texts(section) for section in without(sections, {2})] == [["topic"]]
