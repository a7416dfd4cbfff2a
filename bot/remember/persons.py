"""What a statement says of persons: whether its speaker, whether what is theirs alone to say, whether what none may."""

from __future__ import annotations

import re

from bot.domain import MENTION
from bot.remember import lexicon
from bot.remember.sensitive import SENSITIVE, SENSITIVE_OF_PERSON
from bot.remember.worth import is_ahead, tells_when
from bot.text import is_english, is_function_word

_SINCE = re.compile(
    r"\b(?:since|seit|depuis|desde|sinds|od|sedan|с)(?: \w+)? [\w'’]+(?: \d{4}(?: года)?)?", re.IGNORECASE
)
"""A time from which on something is so, which is nothing to come."""
_SUBJECT = re.compile(
    r"\W{0,9}(?:(?i:our|unsere?) \w+ (?=[A-Z]))?(<@\d+>|[^\W\d_][\w-]{0,40})(?:['’]s)?(?: [A-Z]\w+)?"
    r"(?: (?:also|really|still|always|never|only|auch|immer|nie))? "
)
_NAME = re.compile(
    r"(?<=[\s,;:(])(?!I\b)[A-Z][\w-]+(?:['’]s)?(?: (?:also|really|still|always|never|only|auch|immer|nie))? "
)
_MINE = re.compile(r"^\W*(?:my|meine?|mon|ma|mi|mijn)\s+", re.IGNORECASE)


def speaks_of_oneself(text: str) -> bool:
    """Whether its speaker is in a text as "I", "my" and the like, in the language of the text."""
    return bool(lexicon.FIRST_PERSON.search(text)) or _elsewhere(text)


def is_of_life(text: str) -> bool:
    """Whether it tells of the life of a person, who is its subject by a mention, as the speaker or by name."""
    if _of_one(text):
        signs = (lexicon.LIFE, lexicon.MOVES, lexicon.KIN_ELSEWHERE)
        return any(sign.search(text) for sign in signs) or _tells_of_subject(text)
    told = lexicon.LIFE.search(text) or _tells_of_subject(text)
    return (bool(told) and _is_named(text)) or is_of_somebody(text)


def _tells_of_subject(text: str) -> bool:
    subject = _SUBJECT.match(text)
    return subject is not None and bool(lexicon.OF_PERSON.match(text, subject.end()))


def is_of_somebody(text: str) -> bool:
    """Whether it tells what is so of a person whom it names or calls "my friend", whoever its subject is."""
    rest, mine = _MINE.subn("", text)
    if mine and not speaks_of_oneself(rest) and is_of_life(rest):
        return True
    named = any(lexicon.OF_PERSON.match(text, name.end()) for name in _NAME.finditer(text))
    return named or bool(lexicon.FAVOURITE.search(text))


def is_personal(text: str, said: str) -> bool:
    """Whether its subject is a person, and what it says is of their life and no task, plan, decision or know-how."""
    return is_of_life(text) or (_of_one(text) and not _is_of_the_group(text, said))


def is_sensitive(text: str, *, personal: bool) -> bool:
    """Whether it holds what is kept about nobody, by clear words, or by common ones where a person is meant."""
    if SENSITIVE.search(text):
        return True
    return (personal or bool(lexicon.PERSON.search(text))) and bool(SENSITIVE_OF_PERSON.search(text))


_IMPLIED = lexicon.any_of(
    r"^\W*(?:just |recently )?(?:moved|living|lived|married|born|retired) (?:in|to|since|with)\b",
    rf"^\W*(?:{lexicon.I_UNSAID}|bin|wohne|arbeite|lebe|komme aus|tengo|habite|travaille|nasci|родил\w+)\b",
    r"^\W*(?:we live|wir wohnen|nous habitons|on habite|vivimos|мы живём)\b|に住んで",
)
"""The speaker is its subject, or one of them, and left out or understood."""


def _of_one(text: str) -> bool:
    own = lexicon.AS_SUBJECT.search(text) or lexicon.FIRST_PERSON.match(text)
    return bool(MENTION.match(text) or own or _IMPLIED.search(text)) or _elsewhere(text)


def _elsewhere(text: str) -> bool:
    return bool(lexicon.FIRST_PERSON_ELSEWHERE.search(text)) and not is_english(text)


def _is_named(text: str) -> bool:
    """Whether it begins with a word that may be a name."""
    first = _SUBJECT.match(text)
    return first is not None and not is_function_word(first[1].casefold(), text[first.end(1) :])


def _is_of_the_group(text: str, said: str) -> bool:
    signs = (lexicon.DUTY, lexicon.DID_BY, lexicon.DECIDED, lexicon.TASK_ELSEWHERE)
    timed = _SINCE.sub(" ", text)
    if is_english(said):
        return any(sign.search(text) for sign in signs) or is_ahead(timed)
    return any(sign.search(text) for sign in (lexicon.TASK_ELSEWHERE, lexicon.ANCHOR)) or tells_when(timed)
