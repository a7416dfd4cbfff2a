from __future__ import annotations

import pytest

from bot import snowflake
from bot.errors import AnswerInvalid
from bot.extraction.candidate import Candidate
from bot.extraction.choice import CHOICE_SYSTEM, Chooser
from bot.extraction.reconcile import Add, Choice, Merge, Open, Supersede, Verdict, reconcile
from bot.llm.base import estimate_tokens
from bot.model import Citation, Memory, MemoryKind, MemoryOrigin, MemoryState
from tests.fixtures.extraction import ANA, BEN, CEM, START, ScriptedModel

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
) -> Verdict | Open:
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


OPEN = [
    # the older one holds nearly all words of the newer one: nothing would be lost with that
    (
        "On Monday the firm comes and paints the kitchen in blue at 10:00.",
        "The kitchen turns blue on Monday.",
        BEN,
        {Choice.SAME},
    ),
    # the same person says something else about what may be the same
    ("The choir meets in the hall.", "The choir meets in the chapel.", ANA, {Choice.NEWER}),
    # somebody tells of a change, but not of what
    ("The summer party is on Thursday.", "The summer party is moved to Friday.", BEN, {Choice.NEWER}),
]


@pytest.mark.parametrize(("older", "newer", "author_id", "choices"), OPEN)
def test_what_the_checks_leave_open_is_asked_with_the_choices_that_do_no_harm(
    older: str, newer: str, author_id: int, choices: set[Choice]
) -> None:
    there = memory(older)
    found = verdict(newer, memory("The garden fence needs paint.", id="m2"), there, author_id=author_id)
    assert isinstance(found, Open)
    assert found.older == there
    assert found.choices == choices | {Choice.OTHER}
    assert found.verdict(Choice.OTHER) == Add()
    assert found.verdict(Choice.SAME) == Merge("m1")
    assert found.verdict(Choice.NEWER) == Supersede("m1")


NEVER_ASKED = [
    ("The summer party is on Thursday.", "The summer party is on Friday.", BEN),  # two people, two opinions
    ("The printer is out of paper.", "The choir sings in the chapel on Friday.", ANA),
    ("Setup notes: https://a.example/x", "Setup notes: https://b.example/y", BEN),
]


@pytest.mark.parametrize(("older", "newer", "author_id"), NEVER_ASKED)
def test_what_is_clear_is_not_asked(older: str, newer: str, author_id: int) -> None:
    assert verdict(newer, memory(older), author_id=author_id) == Add()


async def test_the_model_chooses_between_what_may_be_and_nothing_else() -> None:
    there = memory(f"The summer party of <@{BEN}> is on Thursday.")
    found = verdict(f'<@{ANA}>: "the summer party" <b> is moved to Friday', there, author_id=CEM)
    assert isinstance(found, Open)
    model = ScriptedModel('{"answer":"newer"}')
    choice, _ = await Chooser(model).choose(found)
    assert choice is Choice.NEWER
    assert model.prompts == [
        "Older: The summer party of @A is on Thursday.\nNewer: @B: ”the summer party” ‹b› is moved to Friday"
    ]
    assert model.schemas[0]["properties"]["answer"]["enum"] == ["newer", "other"]


@pytest.mark.parametrize(
    "answer", ["", "newer", '{"answer":"same"}', '{"answer":["newer"]}', '{"answer":"newer', "[1]"]
)
async def test_an_answer_that_is_no_choice_is_none(answer: str) -> None:
    found = verdict("The summer party is moved to Friday.", memory("The summer party is on Thursday."), author_id=BEN)
    assert isinstance(found, Open)
    with pytest.raises(AnswerInvalid):
        await Chooser(ScriptedModel(answer)).choose(found)


def test_the_prompt_of_the_choice_is_short() -> None:
    assert estimate_tokens(CHOICE_SYSTEM) <= 300
