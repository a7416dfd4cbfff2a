"""What is exact in a sentence of an answer, against the lines that it cites."""

from __future__ import annotations

from datetime import UTC, date

import pytest

from bot.recall.answers.evidence import Evidence, Material, evidence_of
from bot.recall.answers.exact import Cited, checked
from bot.remember import Refusal
from bot.text import SecretFinder
from tests.fixtures.hits import START, excerpt

SECRETS = SecretFinder()
TODAY = date(2025, 1, 9)


def evidence(*lines: str) -> Evidence:
    """Lines of one excerpt, said by people 1, 2, 3 and so on."""
    hit = excerpt(*((n + 1, text) for n, text in enumerate(lines)))
    return evidence_of(Material((hit,), {1: "zappo_77", 2: "Ben"}), SECRETS, UTC)


def check(text: str, *lines: str, counts: frozenset[int] = frozenset(), today: date = TODAY) -> str | Refusal:
    known = evidence(*lines)
    cited = Cited(
        message_ids=[source.message_id for source in known.sources.values()],
        said_on={START.date()},
        counts=counts,
        names={"zappo_77", "ben"},
        today=today,
    )
    return checked(text, cited, known.hearing, SECRETS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No, it was moved to Sunday 21 June.", "the open day is now on Sunday 21 June"),
        ("It takes about 10 min.", "takes ab 10 min"),
        ("It is at 20:00.", "at 8pm"),
        ("They meet on 3 January.", "we meet tomorrow"),
        ("They move in February.", "next month we move"),
        ("It was decided on 2 January 2025.", "decided: 18 euro"),
        ("It is on https://a.example/b.", "look at https://a.example/b"),
        ('He said: "see https://a.example/b".', "look at https://www.a.example/b/"),
        ("See [this](https://a.example/b), please.", "look at https://a.example/b!"),
        ("See https://a.example/{user}.", "look at https://a.example/{user}"),
        ("It is in build.example/logs.", "look into build.example/logs, please"),
        ("It runs on build.example.", "the host is build.example now"),
        ("The setting is max_players=8.", "max_players=8 is right"),
        ("zappo_77 is banned.", "he got a ban"),
        ("There are five stations.", "stations so far: laser, printing, soldering, wood, sewing"),
        ("153 euro so far: 114 euro for kits and 39 euro for flyers.", "kits 114 euro, flyers 39 euro"),
    ],
)
def test_what_the_lines_tell_passes_as_it_stands(text: str, said: str) -> None:
    assert check(text, said) == text


@pytest.mark.parametrize(
    ("text", "said", "refusal"),
    [
        ("It takes about 14 min.", "takes ab 10 min", Refusal.FIGURE),
        ("It is at 21:00.", "at 8pm", Refusal.TIME),
        ("It is on Saturday 23rd.", "dragon on sunday 23rd", Refusal.DATE),
        ("It is on 4 January.", "we meet tomorrow", Refusal.DATE),
        ("It is on Thursday.", "lunch at noon", Refusal.DATE),
        ("They move in March.", "next month we move", Refusal.DATE),
        ("See https://evil.example/login.", "see https://good.example/login", Refusal.LINK),
        ("Log in at evil.community.", "log in at good.community", Refusal.LINK),
        ("Log in at good.community/evil.", "log in at good.community", Refusal.LINK),
        ("See _https://good.example/evil", "see https://good.example/login", Refusal.LINK),
        ("See https://good.example'.evil.example/login", "see https://good.example", Refusal.LINK),
        ("See https://good.example/us'/../evil", "see https://good.example/us", Refusal.LINK),
        ("Write to root@evil.community.", "write to root@good.community", Refusal.SECRET),
        ("The setting is max_slots=8.", "max_players=8 is right", Refusal.IDENTIFIER),
        ("There are six stations.", "stations so far: laser, printing, soldering, wood, sewing", Refusal.FIGURE),
        ("154 euro so far: 114 euro for kits and 39 euro for flyers.", "kits 114 euro, flyers 39 euro", Refusal.FIGURE),
        ("It is " + "so " * 150 + "late.", "late", Refusal.LENGTH),
        ("The key is sk-proj-a8Xk2PqLz9RvT4mNw7YbQe3H.", "the key is secret", Refusal.SECRET),
    ],
)
def test_what_the_lines_do_not_tell_is_refused(text: str, said: str, refusal: Refusal) -> None:
    assert check(text, said) is refusal


def test_people_and_lines_may_be_counted() -> None:
    said = ("fine with me", "ok", "works for me")
    assert check("3 people agreed.", *said, counts=frozenset({3})) == "3 people agreed."
    assert check("4 people agreed.", *said, counts=frozenset({3})) is Refusal.FIGURE


def test_a_relative_time_counts_from_today_or_else_has_its_date_behind_it() -> None:
    said = "the demo is on 3 January"
    assert check("The demo is tomorrow.", said, today=START.date()) == "The demo is tomorrow."
    assert check("The demo is tomorrow.", said) == "The demo is tomorrow (3 January 2025)."
    assert check("The demo is the day after tomorrow.", said) is Refusal.DATE
    assert check("The demo is tomorrow.", "demo tomorrow") == "The demo is tomorrow (3 January 2025)."
    assert check("The demo was last Friday.", "demo tomorrow") == "The demo was last Friday."


@pytest.mark.parametrize("lent", ["18 euro", "on 3 May", "at 20:00", "https://a.example/b", "the file fee.txt"])
def test_a_line_that_is_not_cited_lends_nothing(lent: str) -> None:
    known = evidence("the fee is due", lent)
    first = known.sources[1]
    cited = Cited([first.message_id], {first.day}, frozenset(), frozenset(), TODAY)
    assert isinstance(checked(f"The fee is due {lent}.", cited, known.hearing, SECRETS), Refusal)
