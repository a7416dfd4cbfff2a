"""Which questions of a chat count as open."""

from __future__ import annotations

import pytest

from bot.domain import snowflake
from bot.domain.model import Message
from bot.recall.catchup import ANSWERED_WITHIN, open_questions
from tests.fixtures.storage import NOW_MS

ANN, BEN, CARL = 1, 2, 3
ASKED = "does anybody know where the projector is?"


def chat(*said: tuple[int, str] | tuple[int, str, int], minutes: int = 1) -> list[Message]:
    """Messages some minutes apart; a third part is the place of the message that is replied to."""
    ids = [snowflake.from_ms(NOW_MS + place * minutes * 60_000) for place in range(len(said))]
    return [
        Message(
            id=message_id,
            guild_id=1,
            channel_id=2,
            author_id=one[0],
            content=one[1],
            reply_to=ids[one[2]] if len(one) == 3 else None,
        )
        for message_id, one in zip(ids, said, strict=True)
    ]


def still_open(messages: list[Message]) -> list[str]:
    return [message.content for message in open_questions(messages)]


@pytest.mark.parametrize(
    "after",
    [
        [],
        [(ANN, "nobody?")],
        [(BEN, "lol")],
        [(BEN, "where indeed is the projector?")],
        [(BEN, "good question, does it matter?", 0)],
    ],
)
def test_a_question_that_nobody_answers_is_open(after: list[tuple[int, str]]) -> None:
    assert ASKED in still_open(chat((ANN, ASKED), *after, minutes=9))


@pytest.mark.parametrize(
    "after",
    [
        [(BEN, "unrelated things", 0)],
        [(CARL, "what a day?"), (BEN, "the projector stands in the cellar")],
        [(CARL, "what a day?"), (BEN, f"<@{ANN}> in the cellar")],
        [(ANN, "found it, thanks")],
    ],
)
def test_an_answer_closes_it(after: list[tuple[int, str]]) -> None:
    assert ASKED not in still_open(chat((ANN, ASKED), *after, minutes=9))


def test_what_somebody_says_right_after_is_taken_for_the_answer() -> None:
    assert still_open(chat((ANN, ASKED), (BEN, "in the cellar"), minutes=1)) == []
    assert still_open(chat((ANN, ASKED), (BEN, "in the cellar"), minutes=9)) == [ASKED]


def test_a_late_answer_counts_only_as_a_reply() -> None:
    between = [(CARL, f"small talk number {n}") for n in range(ANSWERED_WITHIN)]
    assert still_open(chat((ANN, ASKED), *between, (BEN, "projector: cellar"), minutes=9)) == [ASKED]
    assert still_open(chat((ANN, ASKED), *between, (BEN, "in the cellar", 0), minutes=9)) == []


@pytest.mark.parametrize(
    "text", ["really?", "ok?", "??", "> where is the projector?\nno idea", "the projector is here."]
)
def test_what_asks_nothing_is_no_question(text: str) -> None:
    assert still_open(chat((ANN, text))) == []


def test_questions_in_other_languages_count_by_their_mark() -> None:
    assert len(still_open(chat((ANN, "wo steht der Beamer vom Montag?")))) == 1
