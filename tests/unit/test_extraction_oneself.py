"""What members say about themselves: kept in their own sentence, with consent, and nothing of anybody else in it."""

from __future__ import annotations

import pytest

from bot.domain.errors import AnswerInvalid
from bot.remember.extractor import Extractor
from bot.remember.gate import Gate, Proposal, Refusal
from tests.fixtures.extraction import ANA, BEN, BOT, NAMES, Extract, ScriptedModel, answer, chat

OF_OTHERS_OR_NOT_SO = [
    ("my friend Tom moved to Graz in March", "@A moved to Graz in March"),
    ("my roommate smokes weed every Friday in Graz", "@A smokes every Friday"),
    ("one of my friends moved to Graz in May", "@A moved to Graz in May"),
    ("Ben and my sister live in Graz since May", "@A lives in Graz"),
    ("my boss drinks too much at Siemens every Friday", "@A drinks every Friday"),
    ("mein Chef wurde im März in Graz verhaftet", "Mein Chef wurde im März verhaftet"),
    ("meine Nachbarin zieht im Mai nach Graz", "Meine Nachbarin zieht nach Graz"),
    ("mi vecino bebe cada viernes en Sevilla", "mi vecino bebe cada viernes"),
    ("мой сосед работает врачом в Казани", "мой сосед работает врачом в Казани"),
    ("my kids Mia and Leo go to school in Graz", "@A's kids go to school in Graz"),
    ("my little sister Mia plays Roblox every day", "@A plays Roblox every day"),
    ("I teach Leo piano, he is eight since May", "@A teaches Leo piano"),
    ("ma fille Mia joue au foot à Lyon", "ma fille Mia joue au foot"),
    ("I live with Tom, who works as a nurse in Vienna", "@A lives with Tom"),
    ("I broke up with Ben in May because he cheated", "@A broke up in May"),
    ("I saw Ben kiss Lena in Graz in May", "@A was in Graz in May"),
    ("ich wohne in Graz und Ben wohnt in Linz", "@A wohnt in Graz"),
    ("I know Ben lives in Graz at Hauptstraße 5", "@A lives in Graz"),
    ("Ben and I are dating since March", "@A is dating since March"),
    ("I am dating Ben since March 2024", "@A is dating since March 2024"),
    ("ich glaube Tom wohnt in Graz seit Mai", "@A glaubt Tom wohnt in Graz"),
    ("I work at Siemens since I came out of the closet in May", "@A works at Siemens"),
    ("I'm 8 months sober in May, I live in Graz", "@A lives in Graz"),
    ("I turn fifteen in May and play bass", "@A plays bass"),
    ("soy seropositivo y vivo en Sevilla", "@A vive en Sevilla"),
    ("я гей и живу в Казани", "@A живёт в Казани"),
    ("tengo catorce años y vivo en Sevilla", "vivo en Sevilla"),
    ("I keep kosher since 2010", "@A keeps kosher since 2010"),
    ("I have MS since 2020 and live in Graz", "@A lives in Graz"),
    ("I moved to Graz in May because of my transition", "@A moved to Graz in May"),
    ("je suis homo et j'habite à Lyon", "@A habite à Lyon"),
    ("my phone number is 0664 1234567 in Graz", "@A has a phone in Graz"),
    ("my address is Hauptstraße 5, 8010 Graz", "@A's address is Hauptstraße 5"),
    ("Ben - I live in Graz since 2020", "@A lives in Graz since 2020"),
    ("Ben wrote yesterday; I live in Graz since 2020", "@A lives in Graz since 2020"),
    ("I live in Graz since 2020, said Ben", "@A lives in Graz since 2020"),
    ("Ben a dit: je travaille chez Renault à Lyon", "@A travaille chez Renault à Lyon"),
    ("Yeah right, I live in Graz since 2020", "@A lives in Graz since 2020"),
    ("I would live in Graz if I could, every day", "@A lives in Graz every day"),
    ("I move to Graz in May if I get the job", "@A moves to Graz in May"),
    ("I could live in Graz since 2020", "@A lives in Graz"),
    ("wenn ich in Graz wohnen würde, hätte ich Zeit", "@A wohnt in Graz"),
    ("me gustaría vivir en Sevilla", "@A vive en Sevilla"),
    ("I live in Graz since 2020", ""),
    ("I live in Graz since 2020", "@A"),
]
"""A line, and the harmless text that a model may make of it."""

WITHOUT_A_SUBJECT = [
    ("Moved to Graz in March because of the new job", "Moved to Graz in March because of the new job"),
    ("living in Graz since 2020 with two cats", "living in Graz since 2020 with two cats"),
    ("bin 34 Jahre alt und wohne in Graz", "bin 34 Jahre alt und wohne in Graz"),
    ("toco el bajo en una banda desde 2020", "toco el bajo en una banda desde 2020"),
    ("nous habitons à Lyon depuis 2020", "nous habitons à Lyon depuis 2020"),
    ("my birthday is on May 3", "The birthday is on May 3"),
    ("my favourite band is Radiohead since 2010", "The favourite band is Radiohead since 2010"),
    ("I have an appointment with my doctor on Friday at 9:00", "@A has an appointment on Friday at 9:00"),
    ("my key is under the mat at Hauptstraße 5 until Friday", "The key is under the mat until Friday"),
]

PLAIN = [
    "I have a black cat named Rex",
    "I have a Steam Deck and a PS5",
    "I never drink alcohol",
    "I avoid caffeine after lunch",
    "personally I prefer tabs over spaces",
    "I'd rather play support than tank",
    "I can speak four languages",
    "Ich komme aus Hamburg",
    "Ich habe zwei Katzen",
    "ich trinke keinen Kaffee mehr",
    "I work in a library",
    "I have two dogs",
    "I'm learning Japanese",
    "I don't eat meat",
    "I'm a software developer",
    "I'm from Porto in Portugal",
    "my main is Mercy in Overwatch",
    "Ich wohne in Graz",
    "J'habite à Lyon avec deux chats",
    "J'aime les trains et les vieilles gares",
    "Prefiero el té al café",
    "Toco el bajo en una banda",
    "I live in St. Pölten since 2020",
    "I prefer trains to planes",
]


@pytest.mark.parametrize(("said", "text"), OF_OTHERS_OR_NOT_SO)
async def test_a_sentence_of_others_or_of_what_is_not_so_is_no_fact(extract: Extract, said: str, text: str) -> None:
    result = await extract(chat((ANA, said)), (text, "fact", [1]), facts_allowed={ANA})
    assert not result.candidates
    assert sum(result.refusals.values()) == 1


@pytest.mark.parametrize("kind", ["plan", "answer", "decision"])
@pytest.mark.parametrize(("said", "text"), WITHOUT_A_SUBJECT)
async def test_what_is_of_a_life_needs_consent_whatever_it_is_called(
    extract: Extract, said: str, text: str, kind: str
) -> None:
    assert not (await extract(chat((ANA, said)), (text, kind, [1]), facts_allowed=())).candidates


@pytest.mark.parametrize("said", PLAIN)
async def test_plain_statements_about_oneself_are_kept_with_consent(extract: Extract, said: str) -> None:
    result = await extract(chat((ANA, said)), (said, "fact", [1]), facts_allowed={ANA})
    assert len(result.candidates) == 1, result.refusals
    assert (await extract(chat((ANA, said)), (said, "fact", [1]), facts_allowed={BEN})).refusals == {Refusal.CONSENT: 1}


@pytest.mark.parametrize("said", ["; the raid moves to Friday at 20:00", "- ; the raid moves to Friday at 20:00 ; "])
async def test_a_line_that_begins_with_a_semicolon_is_judged_as_any_other(extract: Extract, said: str) -> None:
    kept = (await extract(chat((ANA, said)), ("the raid moves to Friday at 20:00", "decision", [1]))).candidates
    assert [c.text for c in kept] == ["the raid moves to Friday at 20:00"]


async def test_a_fault_of_the_gate_is_an_unusable_answer_and_holds_up_no_channel() -> None:
    class Broken(Gate):
        def judge(self, proposal: Proposal, **_: object) -> Refusal:
            raise ZeroDivisionError(proposal.text)

    extractor = Extractor(ScriptedModel(answer(("the raid moves to Friday", "decision", [1]))), Broken())
    with pytest.raises(AnswerInvalid, match="ZeroDivisionError"):
        await extractor.extract(
            chat((ANA, "the raid moves to Friday")), context=[], names=NAMES, facts_allowed=(), bot_id=BOT
        )
