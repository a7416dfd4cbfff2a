"""Words become terms: folded, stemmed in the text's language, in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.analysis import MAX_TERM, question_terms, terms

MEET = [
    ("When are the meetings?", "The meeting moved to Friday"),
    ("Who won the race?", "I will win it, and winning is fun"),
    ("Where did she go?", "We went to Porto"),
    ("Wann ist die Besprechung?", "Die Besprechungen sind ab jetzt montags"),
    ("Wann ist die Besprechung?", "Besprechungen verlegt"),  # too short to tell its language
    ("Où sont les réunions ?", "La réunion est à midi"),
    ("¿Cuándo son las reuniones?", "La reunión es mañana"),
    ("Onde estão os documentos?", "O documento está na mesa"),
    ("Quando sono le riunioni?", "La riunione è domani"),
    ("Wanneer zijn de vergaderingen?", "De vergadering is morgen"),
    ("När är mötet?", "Möten är på fredagar"),
    ("Когда встреча?", "Встречи перенесли на завтра"),
    ("Πότε είναι η συνάντηση;", "Οι συναντήσεις μεταφέρθηκαν"),
    ("متى الاجتماع؟", "الاجتماعات غدا"),
    ("会議はいつですか", "次の会議は東京です"),
    ("会议什么时候开", "明天的会议取消了"),
    ("회의는 언제", "다음 회의가 취소"),
    ("ประชุมเมื่อไหร่", "การประชุมพรุ่งนี้"),
    ("बैठक कब है", "बैठकों का समय"),
    ("cafe crème", "Café Creme"),
    ("What costs 262000?", "It costs 262,000 USD"),
    ("the 23rd of June", "June 23, 2026"),
    ("strasse", "Straße"),
    ("Muller", "Müller"),
    ("ﬁle ＡＢＣ", "FILE abc"),
]


@pytest.mark.parametrize(("question", "text"), MEET)
def test_a_question_meets_its_answer_in_another_form(question: str, text: str) -> None:
    held = set(terms(text))
    assert any(held & set(word) for word in question_terms(question))


def test_function_words_are_not_searched_for() -> None:
    assert question_terms("what is it that they have been doing?") == []
    assert question_terms("was ist das und wer ist da") == []


def test_a_negation_is_not_the_word_that_it_looks_like() -> None:
    assert "win" not in terms("I won't")
    assert terms("don't") == terms("do not") == []


def test_words_that_only_look_alike_stay_apart() -> None:
    assert not set(terms("the lighthouse")) & set(terms("the lightforge"))


@pytest.mark.parametrize("name", ["Ben", "Ada", "Jo", "Mia", "Sam", "Nina"])
def test_a_name_is_found_even_if_it_is_a_function_word_somewhere(name: str) -> None:
    assert set(terms(f"What did {name} say?")) & set(terms(name))
    assert set(terms(f"Ask {name}")) & set(terms(name))


def test_references_and_addresses_leave_their_words_only() -> None:
    assert terms("<@123> <#45> <t:1700000000:R> <:party:678> https://www.example.com/tea") == [
        *terms("party example com tea")
    ]


def test_keys_are_found_by_their_parts() -> None:
    assert {"rb", "stg", "8n2v", "c4hx"} <= set(terms("rb_stg_8N2V-C4HX"))


def test_endless_words_are_cut() -> None:
    assert max(map(len, terms("a1" * 500))) == MAX_TERM


@given(st.text(max_size=200))
def test_no_text_makes_a_term_that_could_pass_for_a_token_of_the_index(text: str) -> None:
    for term in terms(text):
        assert term
        assert "_" not in term
        assert len(term.split()) == 1
        assert not any(c in term for c in "\"'*()^:+-")


@given(st.text(max_size=200))
def test_a_text_is_found_by_itself(text: str) -> None:
    held = set(terms(text))
    assert all(held & set(word) for word in question_terms(text))
