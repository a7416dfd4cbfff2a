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

from bot.extraction import lexicon
from bot.extraction.dates import relative_times
from bot.extraction.people import MENTION
from bot.extraction.text import URL, is_english
from bot.lexical.analysis import question_terms, terms
from bot.lexical.languages import STOP_WORDS
from bot.model import PERSONAL_KINDS, MemoryKind

LINK_TERMS = 2
"""Content words that say what is at an address."""
KNOW_HOW_TERMS = 4
"""Content words of an explanation; fewer are an answer that needs its question."""
PLAIN_WORDS = 5
PLAIN_TERMS = 3
"""Words, and content words among them, of a sentence that tells how something is."""
OWN_TERMS = 2
"""Content words, beside who it is, of what somebody says about themselves."""
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
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_TO_SOMEBODY = re.compile(r"\b(?:you|your|yours|ur|u|yourself|let['’]?s)\b", re.IGNORECASE)
"""Said to somebody, of the two of them."""
_STATE = re.compile(
    r"^(?:[\w'’]+,?\W+){0,2}(?:I|we|<@\d+>)(?:['’](?:m|re)| am| is| are| was| were|['’]ve been| have been| has been) "
    r"(?:\w+ly |so |very |still |just |always |also )*(?!\w+ing\b|an? |the |from |born|in |at |married|single|\d"
    r"|\w+ (?:about|into|on|at|in)\b)",
    re.IGNORECASE,
)
"""How somebody is at the moment, and neither what they do, who they are nor what they are interested in."""
_BEGINS_WITH_ONESELF = re.compile(
    r"^(?:(?:since|besides|after|before|when|while|until|during|as|in|on|at|for|with|by|last|this|next|yesterday|today"
    r"|recently|lately)\b[^,]{0,60}, )?"
    r"(?:(?:[\w’'-]+ly|now|then|also|still|just|even|once|sometimes|often|always|never|so far|back then)\b,? )?"
    r"(?:(?:my \w+|[A-Z]\w+) and |(?:one|some|most|all|both) of |(?:the|an?|another) (?:[\w’'-]+ ){1,3}"
    r"(?:that |which )?)?"
    r"(?:I|I['’]\w+|im|ive|we|we['’]\w+|my|our|<@\d+>)(?!\w)",
    re.IGNORECASE,
)
"""Its subject is the speaker, after a time or the like at most; else it is how things are in general."""
_OWN_THING = re.compile(
    r"\b(?:my|our) (?!own\b|way\b|time\b|mind\b|best\b|all\b|life\b|head\b|heart\b)\w{3,}", re.IGNORECASE
)
_NAME = re.compile(r"(?<=[\w,] )(?!I\b)[A-Z][\w’'-]+|[\"“][^\"”]{3,}[\"”]")
_INTENT = re.compile(r"\b(?:gonna|going to|gotta|won['’]t|(?:wi|sha)ll)\b|['’]ll\b", re.IGNORECASE)
"""What somebody means to do; without a time it is a mood."""
_SHOWN = re.compile(
    r"^\[|\b(?:these|those)\b|\bthis (?!week|month|year|spring|summer|autumn|winter|morning|evening)\w+(?=[.,!]|$)",
    re.IGNORECASE,
)
"""Points at what only those see who are there."""
_CLAUSE_ENDS = re.compile(
    r"(?:[,;:!–—-]|\b(?:and|but|so|because|['’]?cause|since|when|which|that|as|if|where))\W*$", re.IGNORECASE
)
"""A clause ended just before: what begins the next may stand for what that named."""
_PARTICULAR = re.compile(r"\b[Tt]he\b|\d|(?<=\s)[A-Z]|^[A-Z]{2}|[a-z][-_/.][a-z]")
"""Something particular is spoken of, by an article, a name or a figure; else it is how things are in general."""
_PASSING = re.compile(
    r"\b(?:again|still|just|today|tonight|(?:right|for) now|at the moment|as always)\b", re.IGNORECASE
)
"""A state of the moment, which is another one weeks later."""
_BREAK = re.compile(r"[.,;:!]")
_FACE = re.compile(r"(?:^|\s+)(?:[:;=8][-']?[a-zA-Z()/\\|]{1,2}|[xX]D|\^\^)\s*$")
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


def of_oneself(text: str, said: str) -> str:
    """Of what somebody says about themselves, the sentences that somebody else understands; empty where there is none.

    Of other languages than English all are left as they are.
    """
    if not is_english(said):
        return text
    return " ".join(sentence for one in _SENTENCES.split(text) if _tells_of_oneself(sentence := bare(one)))


def _tells_of_oneself(sentence: str) -> bool:
    """Whether a sentence tells something of its speaker, and neither to whom it is said nor of the moment."""
    if len(question_terms(MENTION.sub(" ", sentence))) < OWN_TERMS:
        return False
    if not _BEGINS_WITH_ONESELF.search(sentence):
        return False
    if _STATE.search(sentence) and not (lexicon.SELF_BEING.search(sentence) or lexicon.SELF_LIKING.search(sentence)):
        return False
    if _INTENT.search(sentence) and not tells_when(sentence):
        return False
    if lexicon.FEELING.search(sentence) or not _is_concrete(sentence):
        return False
    if any(not _CLAUSE_ENDS.search(sentence[: one.start()]) for one in lexicon.POINTER.finditer(sentence)):
        return False
    asides = (_SHOWN, _TO_SOMEBODY, lexicon.HEDGE, lexicon.TURN)
    return not (_points(sentence) or any(aside.search(sentence) for aside in asides))


def _is_concrete(sentence: str) -> bool:
    """Whether what somebody says of themselves has a time, a name, a figure, something of theirs, or a liking."""
    signs = (lexicon.SELF_LIKING, lexicon.SELF_BEING, lexicon.FIGURE, lexicon.LASTING, _OWN_THING, _NAME)
    return tells_when(sentence) or any(sign.search(MENTION.sub(" ", sentence)) for sign in signs)


def _points(text: str) -> bool:
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
    if "!" in text and _TO_SOMEBODY.search(text) and not (lexicon.FIGURE.search(text) or lexicon.ANCHOR.search(text)):
        return True
    turns = "!" in text or lexicon.OPINION.search(text) or lexicon.MOOD.search(text)
    return bool(turns) and not _fixes(text)


def points_elsewhere(claim: Claim) -> bool:
    """Whether "it", "they" or "that" in it stands for something that it does not name."""
    if claim.kind in PERSONAL_KINDS or not is_english(claim.said):
        return False
    if _points(claim.text) and not URL.search(claim.text):
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
        return True  # see `of_oneself`
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
