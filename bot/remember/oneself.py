"""What members say about themselves, of which their own sentence is kept and nobody's paraphrase.

A small model turns tenses round, puts one person's words into another's mouth and a friend's life into the speaker's.
So of a statement about oneself the sentence is kept that it stands on, where its subject is the speaker, it tells of
nobody else, it is meant as it stands, and somebody who was not there understands it.
"""

from __future__ import annotations

import re

from bot.domain import MENTION
from bot.remember import lexicon
from bot.remember.worth import TO_SOMEBODY, bare, points_at, tells_when
from bot.text import is_english, question_terms

OWN_TERMS = 2
"""Content words, beside who it is, of what somebody says about themselves."""

SENTENCE = re.compile(r"(?<=[.!?。！？])(?<!\bSt\.)(?<!\b[DM]r\.)(?<!\bMrs\.)(?<!\bMs\.)\s+")
"""Between two sentences; a dash or a semicolon may part words from who said them."""
_TIME = (
    r"(?:(?:since|besides|after|before|when|while|until|during|as|in|on|at|for|with|by|last|this|next|yesterday|today"
    r"|recently|lately|seit|depuis|desde)\b[^,]{0,60},? )?"
)
_ADVERB = r"(?:(?:[\w’'-]+ly|now|then|also|still|just|even|once|sometimes|often|always|never|so far|back then)\b,? )?"
_I = r"(?:I|I['’]\w+|im|ive|ich|je|yo|eu|io|ik|jag|я|me gusta|me encanta)(?!\w)|j['’](?=\w)|[私僕俺]|저는|나는"
_MY_THING = (
    r"(?:my|meine?|mon|ma|mi) (?:fav\w*|lieblings\w*|main|hobb\w+|job|work|birthday|cats?|dogs?|pets?|horses?"
    r"|(?:\w+ )?(?:store|shop|studio|business|band))\b(?! and\b)"
)
_SPEAKER = lexicon.any_of(
    rf"^{_TIME}{_ADVERB}(?:{_I}|{_MY_THING})",
    rf"^(?:{lexicon.I_UNSAID})\b",
)
"""Its subject is the speaker alone, after a time or the like at most."""
_OTHERS = lexicon.any_of(
    r"\b(?:he|she|him|her|his|hers|who|whose|whom|sie|sein\w*|ihr\w*|elle|lui|él|ella|он|она|его|её)\b",
    r"\bI(?:['’]ve)? (?:\w+ly |also |just |once )?(?:know|knew|told|tell|hear|heard|see|saw|think|thought|believe|guess"
    r"|asked|wonder|said|caught|watched|hate|date|dated|kissed|married|dumped|teach) (?:that |how |if )?(?-i:[A-Z])",
    r"\b(?:dating|sleep(?:ing)? with|slept with|broke up|boyfriend|girlfriend|wife|husband)\b",
    r"\b(?:my|our) (?:\w+ )?(?:kids?|sons?|daughters?|baby|children|nephew|niece|grand\w+)\b",
    r"\b(?:glaube|weiß|denke|gehört|frage mich|crois|sais|pense|creo|sé|pienso|думаю|знаю|слышал\w*)\b",
    r"\b(?:and|und|et|y|и) (?-i:[A-ZÄÖÜА-Я])\w+ (?:lives?|works?|moved|went|are|is|has|plays?|wohnt|habite|vive|живёт"
    r"|работает)\b",
)
"""Somebody else is in it, who was not asked."""
_UNREAL = lexicon.any_of(
    r"\b(?:would|could|should|might|if|unless|wish\w*|dream(?:ed|t)|pretend\w*|imagin\w+|almost|nearly|tried to"
    r"|suppose\w*|yeah,? right|sure,? sure)\b|['’]d\b(?! rather)",
    r"\b(?:würden?|wäre\w*|hätte\w*|könnte\w*|wenn|falls|ob|vielleicht|angeblich)\b",
    r"\b(?:si|aimerais|voudrais|serais|gustaría|quisiera|sería|tal vez|бы|если|может)\b",
)
"""What is not so, or not yet."""
_ELSEWHERE = lexicon.any_of(rf"^(?:ich|je|j['’]|yo|ik|jag|meine?|mon|ma|mi|{lexicon.I_UNSAID})\b")
"""Of few words, and yet not English."""
_STATE = re.compile(
    r"^(?:[\w'’]++,?\W++){0,2}(?:I|we|<@\d+>)(?:['’](?:m|re)| am| is| are| was| were|['’]ve been| have been"
    r"| has been) (?:\w+ly |so |very |still |just |always |also )*(?!\w+ing\b|an? |the |from |born|in |at |married"
    r"|single|\d|\w+ (?:about|into|on|at|in)\b)",
    re.IGNORECASE,
)
"""How somebody is at the moment, and neither what they do, who they are nor what they are interested in."""
_OWN_THING = re.compile(
    r"\b(?:my|our) (?!own\b|way\b|time\b|mind\b|best\b|all\b|life\b|head\b|heart\b)\w{3,}", re.IGNORECASE
)
_NAME = re.compile(r"(?<=[\w,] )(?!I\b)[A-Z][\w’'-]+|[\"“][^\"“”]{3,}[\"”]")
_INTENT = re.compile(r"\b(?:gonna|going to|gotta|won['’]t|(?:wi|sha)ll)\b|['’]ll\b", re.IGNORECASE)
"""What somebody means to do; without a time it is a mood."""
_SHOWN = re.compile(
    r"^\[|\b(?:these|those)\b|\bthis (?!week|month|year|spring|summer|autumn|winter|morning|evening)\w+(?=[.,!]|$)",
    re.IGNORECASE,
)
"""Points at what only those see who are there."""
_CLAUSE_ENDS = re.compile(
    r"(?:[,;:!–—-]|\b(?:and|but|so|because|['’]?cause|since|when|which|that|as|if|where))\W{0,9}$", re.IGNORECASE
)
"""A clause ended just before: what begins the next may stand for what that named."""


def own_sentence(sentence: str, said: str) -> str:
    """A sentence of a line without what it begins and ends with by habit; empty where it tells nothing of its speaker.

    Whether somebody else understands it is only asked of English.

    Args:
        sentence: one that was said.
        said: the whole line.
    """
    text = bare(sentence)
    if not _SPEAKER.search(text) or lexicon.QUESTION.search(text) or lexicon.REPORTED.search(said):
        return ""
    if _OTHERS.search(text) or _UNREAL.search(sentence):
        return ""
    return text if not is_english(said) or _ELSEWHERE.search(text) or _is_understood(text) else ""


def _is_understood(sentence: str) -> bool:
    """Whether somebody who was not there understands an English sentence, and it is neither a mood nor to somebody."""
    if len(question_terms(MENTION.sub(" ", sentence))) < OWN_TERMS:
        return False
    if _STATE.search(sentence) and not (lexicon.SELF_BEING.search(sentence) or lexicon.SELF_LIKING.search(sentence)):
        return False
    if _INTENT.search(sentence) and not tells_when(sentence):
        return False
    if lexicon.FEELING.search(sentence) or not _is_concrete(sentence):
        return False
    if any(not _CLAUSE_ENDS.search(sentence[: one.start()]) for one in lexicon.POINTER.finditer(sentence)):
        return False
    asides = (_SHOWN, TO_SOMEBODY, lexicon.HEDGE, lexicon.TURN)
    return not (points_at(sentence) or any(aside.search(sentence) for aside in asides))


def _is_concrete(sentence: str) -> bool:
    """Whether what somebody says of themselves has a time, a name, a figure, something of theirs, or a liking."""
    signs = (lexicon.SELF_LIKING, lexicon.SELF_BEING, lexicon.FIGURE, lexicon.LASTING, _OWN_THING, _NAME)
    return tells_when(sentence) or any(sign.search(MENTION.sub(" ", sentence)) for sign in signs)
