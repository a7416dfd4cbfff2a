from __future__ import annotations

import pytest

from bot import snowflake
from bot.extraction.candidate import Candidate
from bot.extraction.reconcile import Add, Merge, Supersede, Verdict, reconcile
from bot.model import Citation, Memory, MemoryKind, MemoryOrigin, MemoryState
from tests.fixtures.extraction import ANA, BEN, START

OLD = snowflake.from_datetime(START)
NEW = OLD + (3_600_000 << 22)


def memory(text: str, author_id: int = ANA, kind: MemoryKind = MemoryKind.DECISION, **changes: object) -> Memory:
    fields: dict[str, object] = {
        "id": "m1",
        "guild_id": 1,
        "kind": kind,
        "text": text,
        "citations": (Citation(OLD, 2, author_id),),
    }
    return Memory(**(fields | changes))  # type: ignore[arg-type]


def verdict(
    text: str, *there: Memory, author_id: int = ANA, kind: MemoryKind = MemoryKind.DECISION, message_id: int = NEW
) -> Verdict:
    return reconcile(Candidate(kind, text, (message_id,)), there, authors={author_id})


@pytest.mark.parametrize(
    "text",
    [
        "The release moves to July 10.",
        "the release moves to July 10",
        "Release moved to July 10",
        "The release is moving to July 10!",
    ],
)
def test_the_same_statement_again_merges_whoever_says_it(text: str) -> None:
    assert verdict(text, memory("The release moves to July 10."), author_id=BEN) == Merge("m1")


@pytest.mark.parametrize(
    "text",
    ["The budget covers travel and food.", "The garden fence needs paint.", "The printer in the hall is out of paper."],
)
def test_another_matter_is_added(text: str) -> None:
    assert verdict(text, memory("The release moves to July 10.")) == Add()


def test_a_newer_value_by_the_same_speaker_supersedes() -> None:
    assert verdict("The release target is July 10.", memory("The release target is July 1.")) == Supersede("m1")


def test_a_change_that_names_the_old_value_supersedes_whoever_says_it() -> None:
    there = memory("The release target is July 1.")
    assert verdict("The release target moves from July 1 to July 10.", there, author_id=BEN) == Supersede("m1")


def test_two_people_who_contradict_each_other_both_stand() -> None:
    there = memory("The release target is July 1.")
    assert verdict("The release target is July 10.", there, author_id=BEN) == Add()


def test_a_statement_turned_round_is_not_the_same() -> None:
    there = memory("The printer supports colour paper.", kind=MemoryKind.ANSWER)
    assert verdict("The printer does not support colour paper.", there, kind=MemoryKind.ANSWER) == Add()
    assert verdict("We do not ship on Friday.", memory("We ship on Friday.")) == Supersede("m1")


def test_what_is_older_supersedes_nothing() -> None:
    there = memory("The release target is July 10.")
    assert verdict("The release target is July 1.", there, message_id=OLD - 1) == Add()


def test_what_a_member_asked_to_remember_is_never_superseded() -> None:
    there = memory("The release target is July 1.", origin=MemoryOrigin.REMEMBERED)
    assert verdict("The release target is July 10.", there) == Add()


def test_a_correction_wins_over_extracting_its_messages_again() -> None:
    there = memory("The release target is July 12.", origin=MemoryOrigin.CORRECTED)
    assert verdict("The release target is July 10.", there, message_id=OLD) == Merge("m1")


def test_preferences_belong_to_one_member() -> None:
    there = memory(f"<@{ANA}> likes tea.", kind=MemoryKind.PREFERENCE)
    assert verdict("likes tea", there, author_id=BEN, kind=MemoryKind.PREFERENCE) == Add()
    changed = verdict(f"<@{ANA}> likes coffee now, no longer tea.", there, kind=MemoryKind.PREFERENCE)
    assert changed == Supersede("m1")


def test_history_is_left_alone() -> None:
    there = memory("The release moves to July 10.", state=MemoryState.SUPERSEDED)
    assert verdict("The release moves to July 10.", there) == Add()


def test_different_links_are_different_statements() -> None:
    there = memory("Setup notes: https://a.example/x", kind=MemoryKind.LINK)
    assert verdict("Setup notes: https://b.example/y", there, kind=MemoryKind.LINK) == Add()
