from __future__ import annotations

import pytest

from bot.domain import snowflake
from bot.domain.errors import AnswerInvalid
from bot.domain.model import Citation, Memory, MemoryKind, MemoryOrigin, MemoryState
from bot.llm.base import estimate_tokens
from bot.remember.candidate import Candidate
from bot.remember.choice import CHOICE_SYSTEM, Chooser
from bot.remember.reconcile import Add, Choice, Merge, Open, Supersede, Verdict, reconcile, same_statement
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
    assert verdict("The release target is July 10.", memory("The release target is July 1.")) == Supersede(("m1",))


def test_a_change_that_names_the_old_value_supersedes_whoever_says_it() -> None:
    there = memory("The release target is July 1.")
    assert verdict("The release target moves from July 1 to July 10.", there, author_id=BEN) == Supersede(("m1",))


def test_two_people_who_contradict_each_other_both_stand() -> None:
    there = memory("The release target is July 1.")
    assert verdict("The release target is July 10.", there, author_id=BEN) == Add()


def test_a_statement_turned_round_is_not_the_same() -> None:
    there = memory("The printer supports colour paper.", kind=MemoryKind.ANSWER)
    assert verdict("The printer does not support colour paper.", there, kind=MemoryKind.ANSWER) == Add()
    assert verdict("We do not ship on Friday.", memory("We ship on Friday.")) == Supersede(("m1",))


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
    assert changed == Supersede(("m1",))


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
    assert found.verdict(Choice.NEWER) == Supersede(("m1",))


ONE_DIFFERENCE = [
    (
        "The key of the hall is with Tom until the summer party.",
        "The key of the hall is with Anna until the summer party.",
    ),
    (
        "The hall opens for all members of the chess club at 18:00.",
        "The hall closes for all members of the chess club at 18:00.",
    ),
    (
        "We need two testers for the next release of the launcher.",
        "We need three testers for the next release of the launcher.",
    ),
    (
        "La réunion du club de jeu commence vendredi à 18h au local.",
        "La réunion du club de jeu commence samedi à 18h au local.",
    ),
    ("O ensaio da banda passa para quinta às 20h no estúdio.", "O ensaio da banda passa para sexta às 20h no estúdio."),
    (
        "тренировка в пятницу в 19:00 в спортзале школы номер 7",
        "тренировка в субботу в 19:00 в спортзале школы номер 7",
    ),
    ("打ち合わせは金曜日の15時に会議室Bで行います", "打ち合わせは木曜日の15時に会議室Bで行います"),
    ("The code freeze moves from June 23 to July 1.", "The code freeze moves from July 1 to June 23."),
    (f"<@{BEN}> brings the cake and <@{CEM}> the drinks.", f"<@{CEM}> brings the cake and <@{BEN}> the drinks."),
]


@pytest.mark.parametrize(("older", "newer"), ONE_DIFFERENCE)
@pytest.mark.parametrize("author_id", [ANA, BEN])
def test_one_word_or_value_that_differs_is_never_merged_by_the_checks(older: str, newer: str, author_id: int) -> None:
    assert not isinstance(verdict(newer, memory(older), author_id=author_id), Merge)
    assert not same_statement(newer, older)


def test_who_does_what_swapped_is_not_to_be_called_the_same() -> None:
    there = memory(f"<@{BEN}> brings the cake and <@{CEM}> the drinks.")
    found = verdict(f"<@{CEM}> brings the cake and <@{BEN}> the drinks.", there)
    assert isinstance(found, Open)
    assert Choice.SAME not in found.choices


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We need two testers by June 3.", "We need 2 testers by June 3."),
        ("Der Raid ist am Freitag um 20 Uhr.", "Der Raid ist am Freitag um 20:00."),
        ("The raid is on Friday at 8 pm.", "The raid is on Friday at 20:00."),
    ],
)
def test_a_value_in_another_spelling_is_the_same(one: str, other: str) -> None:
    assert same_statement(one, other)


def test_a_newer_state_supersedes_every_memory_that_it_replaces() -> None:
    first = memory("The open day is on 21 June.")
    second = memory("The open day on 21 June starts at 10:00.", id="m2")
    assert verdict("The open day moves from 21 June to 22 June.", first, second) == Supersede(("m1", "m2"))


@pytest.mark.parametrize(
    ("newer", "found"),
    [
        ("The minecraft server runs on port 25570 now instead of 25565.", Supersede(("m1",))),
        ("The minecraft server runs on port 25570.", Add()),
    ],
)
def test_know_how_is_replaced_by_what_names_its_value(newer: str, found: Verdict) -> None:
    there = memory("The minecraft server runs on port 25565.", kind=MemoryKind.ANSWER)
    assert verdict(newer, there, kind=MemoryKind.ANSWER) == found


CHANGED = [
    ("The Minecraft server runs on port 25565.", "The Minecraft server is on port 25570 now."),
    ("the minecraft server is on port 25565", "The Minecraft server now runs on port 25570."),
    ("The SSH port of the build box is 22.", "The SSH port of the build box is 2222 now."),
    ("The hall of the chess club opens at 18:00.", "The hall of the chess club opens at 19:00 now."),
    ("The guild bank fee is 12 euros.", "The guild bank fee is now 15 euros."),
    ("The raid in the north keep is on Friday.", "The raid in the north keep is on Saturday now."),
    ("Der Minecraft Server läuft auf Port 25565.", "Der Minecraft Server ist jetzt auf Port 25570."),
]


@pytest.mark.parametrize(("older", "newer"), CHANGED)
@pytest.mark.parametrize("author_id", [ANA, BEN])
@pytest.mark.parametrize("kind", [MemoryKind.ANSWER, MemoryKind.DECISION])
def test_another_value_of_exactly_the_same_matter_supersedes_whoever_says_that_it_is_now(
    older: str, newer: str, author_id: int, kind: MemoryKind
) -> None:
    assert verdict(newer, memory(older, kind=kind), author_id=author_id, kind=kind) == Supersede(("m1",))


APART = [
    ("The Minecraft server is on port 25565.", "The Minecraft map server is on port 25570 now."),
    ("The Minecraft map server is on port 25565.", "The Minecraft server is on port 25570 now."),
    ("The Minecraft server runs on port 25565.", "The web server is on port 8080 now."),
    ("The Minecraft server runs on port 25565.", "The server is on port 8080 now."),
    ("Minecraft server 1 runs on port 25565.", "The voice chat of the Minecraft server is on port 24454 now."),
    ("Group 1 of the chess club meets at 18:00.", "Group 2 of the chess club meets at 19:00 now."),
    ("The meeting is at 18:00.", "The meeting is at 19:00 now."),
    ("The Minecraft server restarts at 04:00.", "The Minecraft server restarts on Friday now."),
    (f"<@{BEN}> orders 12 pizza boxes for the raid.", f"<@{CEM}> orders 14 pizza boxes for the raid now."),
    ("The Minecraft server does not run on port 25565.", "The Minecraft server runs on port 25570 now."),
]


@pytest.mark.parametrize(("older", "newer"), APART)
@pytest.mark.parametrize("kind", [MemoryKind.ANSWER, MemoryKind.DECISION])
def test_another_value_of_what_may_be_another_matter_supersedes_nothing_unasked(
    older: str, newer: str, kind: MemoryKind
) -> None:
    found = verdict(newer, memory(older, kind=kind), author_id=BEN, kind=kind)
    assert found == Add() or (isinstance(found, Open) and found.choices == {Choice.NEWER, Choice.OTHER})


def test_a_change_of_know_how_that_may_be_of_the_same_matter_is_asked_about() -> None:
    there = memory("The Minecraft server of the guild runs on port 25565.", kind=MemoryKind.ANSWER)
    found = verdict("The Minecraft server is on port 25570 now.", there, author_id=BEN, kind=MemoryKind.ANSWER)
    assert isinstance(found, Open)
    assert found.choices == {Choice.NEWER, Choice.OTHER}


OTHER_MATTERS = [
    ("Release 2.1 ships on June 3.", "Release 2.2 ships on July 3."),
    ("The minecraft server restarts at 04:00.", "The web server restarts at 05:00."),
    ("Group 1 meets on Monday at the lake.", "Group 2 meets on Tuesday at the lake."),
]


@pytest.mark.parametrize(("older", "newer"), OTHER_MATTERS)
def test_what_may_be_another_matter_is_asked_about(older: str, newer: str) -> None:
    found = verdict(newer, memory(older))
    assert isinstance(found, Open)
    assert found.choices == {Choice.NEWER, Choice.OTHER}


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
