"""Whether a statement is of use to somebody who looks it up weeks later, as far as its words tell.

A small model copies whatever stands before it and calls it a decision. So a statement has to show a sign of what it
claims to be: a decision what was settled, a plan when or by whom, know-how what to do and to what end. And it has to
stand on its own, without the turns, moods and pointers of the conversation that it comes from.

English is read closely. Of other languages only is asked what shows in all of them: times, figures, names of files and
commands, an answered question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from bot.domain import MENTION, PERSONAL_KINDS, MemoryKind
from bot.remember import lexicon
from bot.text import STOP_WORDS, URL, is_english, question_terms, relative_times, terms

LINK_TERMS = 2
"""Content words that say what is at an address."""
KNOW_HOW_TERMS = 4
"""Content words of an explanation; fewer are an answer that needs its question."""
PLAIN_WORDS = 5
PLAIN_TERMS = 3
"""Words, and content words among them, of a sentence that tells how something is."""
BEFORE_POINTER = 2
"""Content words that must stand before "it" or "they" for them to point at anything; one more in the same clause."""

_INTERJECTION = re.compile(
    r"^(?:(?:yes|yeah|yea|yeh|yep|yup|ok|okay|so|well|also|and|but|oh|ah|hm+|um+|err?|erm|heh|hey|right|sure|anyway"
    r"|again|actually|basically|btw|fyi|in any case|at least|ja|oui|sí|sim)\b"
    r"(?!-)(?! (?:that|far|long|much|many|as|if|to)\b)[,.…! ]*"
    r"|(?:wow|woah|whoa|cool|nice|great|awesome|definitely|exactly|perfect)[,.…!]+ *)+",
    re.IGNORECASE,
)
_ARTICLES = frozenset(("the", "a", "an", "our", "all", "every", "no", "both", "most"))
_VERB = re.compile(r"\b(?:is|are|has|have|do|did|can|may|must|will|[a-z]+(?:(?<![uis])s|ed|n['’]t))\b")
"""As good as certain to be in a whole sentence, and seldom in a fragment or a printout."""
TO_SOMEBODY = re.compile(r"\b(?:you|your|yours|ur|u|yourself|let['’]?s)\b", re.IGNORECASE)
"""Said to somebody, of the two of them."""
_PARTICULAR = re.compile(r"\b[Tt]he\b|\d|(?<=\s)[A-Z]|^[A-Z]{2}|[a-z][-_/.][a-z]")
"""Something particular is spoken of, by an article, a name or a figure; else it is how things are in general."""
_PASSING = re.compile(
    r"\b(?:again|still|just|today|tonight|(?:right|for) now|at the moment|as always)\b", re.IGNORECASE
)
"""A state of the moment, which is another one weeks later."""
_BREAK = re.compile(r"[.,;:!]")
_FACE = re.compile(r"(?:^|(?<!\s)\s+)(?:[:;=8][-']?[a-zA-Z()/\\|]{1,2}|[xX]D|\^\^)\s*$")
_LOUD = 0.6
"""Share of capitals from which on somebody shouts."""
_LETTERS = 12
"""Fewer letters may well be a name in capitals."""
_ANY_DAY = date(2025, 1, 1)
"""Relative times are looked for here, not counted."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement as it is weighed.

    Attributes:
        kind: what it claims to be.
        text: the statement; people as `<@user_id>`.
        said: the cited lines' own words.
        answers: whether it was said after somebody's question with a word of that.
    """

    kind: MemoryKind
    text: str
    said: str
    answers: bool


def bare(text: str) -> str:
    """A text without the interjections that it begins with and the face that it ends with."""
    cut = _FACE.sub("", _INTERJECTION.sub("", text, count=1)).strip()
    return cut if len(cut) > 1 else text


def points_at(text: str) -> bool:
    """Whether it points at "that driver" or the like without having named it."""
    pointed = lexicon.POINTED.finditer(text)
    return any(set(terms(one[1])).isdisjoint(terms(text[: one.start()])) for one in pointed)


def is_turn(claim: Claim) -> bool:
    """Whether it is a turn of a conversation: comfort, praise, a mood, a shout, a remark."""
    text = claim.text
    if lexicon.CHEER.search(text) or _shouts(text):
        return True
    if claim.kind in PERSONAL_KINDS:
        return False
    if URL.search(text):
        return False
    if not is_english(claim.said):
        return "!" in text and not _fixes(text)
    if lexicon.TURN.search(text):
        return True
    if "!" in text and (text.count("!") > 1 or (lexicon.MYSELF.search(text) and not is_ahead(text))):
        return True
    if "!" in text and TO_SOMEBODY.search(text) and not (lexicon.FIGURE.search(text) or lexicon.ANCHOR.search(text)):
        return True
    turns = "!" in text or lexicon.OPINION.search(text) or lexicon.MOOD.search(text)
    return bool(turns) and not _fixes(text)


def points_elsewhere(claim: Claim) -> bool:
    """Whether "it", "they" or "that" in it stands for something that it does not name."""
    if claim.kind in PERSONAL_KINDS or not is_english(claim.said):
        return False
    if points_at(claim.text) and not URL.search(claim.text):
        return True
    pointer = lexicon.POINTER.search(claim.text)
    if pointer is None or claim.text.startswith(":", pointer.end()):  # "we move it: the open day is on Sunday"
        return False
    before = claim.text[: pointer.start()]
    named = len(question_terms(before))
    return named < (BEFORE_POINTER if _BREAK.search(before) else BEFORE_POINTER + 1)


def is_guess(claim: Claim) -> bool:
    """Whether it only supposes."""
    return claim.kind not in PERSONAL_KINDS and bool(lexicon.HEDGE.search(claim.text))


def is_worth(claim: Claim) -> bool:
    """Whether it shows a sign of what it claims to be."""
    text = claim.text
    if claim.kind in PERSONAL_KINDS:
        return True  # see `bot.remember.oneself`
    if lexicon.CONSOLE.search(text) or text.startswith(("[", "(")):
        return False
    if claim.kind is MemoryKind.LINK or URL.search(text):
        return len(question_terms(MENTION.sub(" ", URL.sub(" ", text)))) >= LINK_TERMS
    if not is_english(claim.said):
        return _fixes(text) or _is_whole(text)
    if lexicon.NO_NEWS.search(text) or lexicon.ABOUT_RECORDS.search(text):
        return False
    return _is_settled(text) or is_ahead(text) or _is_know_how(claim) or _is_plain(claim)


def fitting_kind(claim: Claim) -> MemoryKind:
    """Its kind; know-how where what it claims to settle or to plan is nothing but that."""
    text = claim.text
    signed = claim.kind not in _SIGNED or not is_english(claim.said) or URL.search(text)
    return claim.kind if signed or _is_settled(text) or is_ahead(text) else MemoryKind.ANSWER


_SIGNED = frozenset({MemoryKind.DECISION, MemoryKind.PLAN})


def _is_whole(text: str) -> bool:
    """Whether it says enough, and not of the speaker, to stand alone in a language that is not read closely."""
    return len(question_terms(text)) >= PLAIN_TERMS and not lexicon.FIRST_PERSON.search(text) and "!" not in text


def _is_plain(claim: Claim) -> bool:
    """Whether it is a whole English sentence that tells of a thing it names, and neither of nor to those who talk."""
    text = claim.text
    words = text.split()
    if len(words) < PLAIN_WORDS or len(question_terms(text)) < PLAIN_TERMS or "!" in text or "..." in text:
        return False
    if not (_begins_plainly(text) and (text[0].isupper() or claim.answers)):
        return False
    whole = _VERB.search(text) and _PARTICULAR.search(text)
    asides = (_PASSING, lexicon.TALK, lexicon.OPINION, lexicon.MOOD)
    return bool(whole) and not any(aside.search(text) for aside in asides)


def _begins_plainly(text: str) -> bool:
    """Whether an English sentence begins with what it is about, and not with a word that leans on what was said."""
    first = text.split(maxsplit=1)[0].casefold()
    return first in _ARTICLES or first not in STOP_WORDS["english"]


def _is_settled(text: str) -> bool:
    """A word of deciding; or a weaker one of change or rule, with what was fixed."""
    if lexicon.DECIDED.search(text) and not lexicon.TALK.search(text):
        return True
    figured = tells_when(text) or lexicon.FIGURE.search(MENTION.sub(" ", text))
    return bool(lexicon.SETTLED.search(text) and figured) and not lexicon.MYSELF.search(text)


def is_ahead(text: str) -> bool:
    """Something to come with its time, or a task with who takes it."""
    if lexicon.DUTY.search(text):
        return True
    if lexicon.PAST.search(text) and not lexicon.SURELY_AHEAD.search(text):
        return False
    return bool(lexicon.AHEAD.search(text)) and tells_when(_without_past(text))


def _without_past(text: str) -> str:
    """The text without "last Friday" and the like, which are times and nothing to come."""
    for time in relative_times(text, _ANY_DAY):
        if time.last < _ANY_DAY:
            text = text.replace(time.phrase, " ")
    return text


def _is_know_how(claim: Claim) -> bool:
    """What to do or how things are, with something to hold on to and an end to it, or in answer to a question."""
    text = claim.text
    if len(question_terms(text)) < KNOW_HOW_TERMS:
        return False
    if lexicon.DID_BY.search(text) or lexicon.HOW.search(text) or lexicon.HERE.search(text):
        return True
    anchored = bool(lexicon.ANCHOR.search(text) or lexicon.FIGURE.search(MENTION.sub(" ", text)))
    if lexicon.MYSELF.search(text) or not (anchored or claim.answers):
        return False
    praises = lexicon.OPINION.search(text) and not anchored
    return bool(lexicon.HELPFUL.search(text) and lexicon.PURPOSE.search(text)) and not praises


def _fixes(text: str) -> bool:
    """Whether it fixes anything: a time, a figure, a file, a command."""
    shown = MENTION.sub(" ", text)
    return tells_when(text) or bool(lexicon.FIGURE.search(shown) or lexicon.ANCHOR.search(shown))


def tells_when(text: str) -> bool:
    """Whether it names a time."""
    return bool(lexicon.WHEN.search(text)) or any(True for _ in relative_times(text, _ANY_DAY))


def _shouts(text: str) -> bool:
    letters = [c for c in URL.sub("", text) if c.isalpha() and c.lower() != c.upper()]
    return len(letters) >= _LETTERS and sum(c.isupper() for c in letters) > _LOUD * len(letters)
