"""Which messages answer a question best: one BM25 for every database, computed here.

A message is scored by its own words and by those around it, because in a chat the answer often does not repeat the
words of the question: "How old is the bridge?" – "From 1902, I think." The weights were found on LoCoMo and GateMem
conversations; neighbouring values do about as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.recall.question import Question, Word

K1 = 2.0  # how slowly repetition of a word stops to count
B = 0.5  # how much long messages are held back
CONTEXT_K1 = 1.2
CONTEXT_B = 0.75
CONTEXT = 4.0  # weight of a message's surroundings against its own words
REACH = 3  # messages on either side that belong to the surroundings
BY_DISTANCE = (1.0, 0.35, 0.3, 0.1)  # weight of words said 0, 1, 2, 3 messages away
ASKED_BEFORE = 2.0  # the words of somebody else's question count so much more for the message after it,
SAME_AUTHOR = 1.3  # and those of a neighbour by the same author so much
TOGETHER = 0.5  # power of the share of the question's words that stand in and around a message
BEFORE = 0.5  # weight of a word that is not the question's own, so that the question leads
NAME = 0.35  # weight of people's names among the words: their bearers' own messages rarely hold them
NAME_AROUND = 0.1  # their weight in a message's surroundings
BY_THEM = 0.6  # what a person of the question said is worth so much more,
BY_THEM_AT_LEAST = 3.0  # and at least this
BY_OTHERS = 0.85  # what others said is worth so much then
ASKS = 0.8  # a question answers less than a statement
TELLS_TIME = 1.1
NEWEST = 1.5  # where the question is about now: how much more the newest message is worth than the oldest
SPAN = 2.0  # what was said on a date of the question is worth so much more,
SPAN_AT_LEAST = 5.0  # and at least this many points of score are there to be multiplied

MEANING = 0.25  # the message nearest in meaning is worth so much of the best score more,
MEANING_HALF = 10  # and one so many places behind it half of that

_TIME = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|last|next|ago|since|recently|soon|weeks?|weekend|months?|years?|morning|evening"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october"
    r"|november|december|(?:19|20)\d\d|\d+(?:st|nd|rd|th))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message as ranking sees it.

    Attributes:
        counts: how often it holds each word of the question.
        length: terms that it consists of.
    """

    id: int
    channel_id: int
    author_id: int
    content: str
    counts: tuple[int, ...]
    length: int

    @property
    def asks(self) -> bool:
        """Whether it is a question, as far as one can see."""
        return "?" in self.content or "？" in self.content


@dataclass(frozen=True, slots=True)
class RankedMessage:
    """A message with its score.

    Attributes:
        by_word: what each word of the question contributed; they add up to less than the score where it was raised
            for other reasons.
        score: larger is better; 0 or less means that it has nothing to do with the question.
        place: its run and its position therein; neighbours in one run are neighbours in their channel.
    """

    spoken: Spoken
    by_word: tuple[float, ...]
    score: float
    place: tuple[int, int]


def count(question: Question, tokens: Sequence[str]) -> tuple[int, ...]:
    """How often a document holds each word of the question, in whichever of its forms is most frequent."""
    if question.terms.isdisjoint(tokens):  # as most messages around others do
        return (0,) * len(question.words)
    return tuple(max(map(tokens.count, word.terms)) for word in question.words)


def rarity(documents: float, frequencies: Iterable[float]) -> tuple[float, ...]:
    """The weight of each word (BM25's inverse document frequency): the fewer documents hold it, the more it tells."""
    return tuple(math.log(1 + (max(0.0, documents - n) + 0.5) / (n + 0.5)) for n in frequencies)


def own_weights(question: Question, weights: Sequence[float]) -> list[float]:
    """What each word is worth in a message that holds it."""
    words = zip(question.words, weights, strict=True)
    return [_share(word) * (NAME * weight if word.name else weight) for word, weight in words]


def _share(word: Word) -> float:
    """What a word counts for against one of the question itself."""
    return BEFORE if word.before else 1.0


def own_scores(worth: Sequence[float], mean_length: float, spoken: Spoken) -> list[float]:
    """What each word (worth so much, see `own_weights`) contributes where the message itself holds it (BM25)."""
    if not any(spoken.counts):
        return [0.0] * len(worth)
    held_back = K1 * (1 - B + B * spoken.length / mean_length)
    return [
        weight * n * (K1 + 1) / (n + held_back) if n else 0.0 for weight, n in zip(worth, spoken.counts, strict=True)
    ]


def raised(question: Question, score: float, spoken: Spoken) -> float:
    """The score, raised for who said it and when, lowered where it only asks."""
    if score > 0 and spoken.author_id in question.people:
        score = score * (1 + BY_THEM) + BY_THEM_AT_LEAST
    elif question.people:
        score *= BY_OTHERS
    if spoken.asks:
        score *= ASKS
    if question.wants_time and _TIME.search(spoken.content):
        score *= TELLS_TIME
    if question.spans:
        closeness = question.closeness(spoken.id)
        score = (score + SPAN_AT_LEAST) * (1 + SPAN * closeness) - SPAN_AT_LEAST
    return score


def rank(
    question: Question,
    weights: Sequence[float],
    mean_length: float,
    runs: Sequence[Sequence[Spoken]],
    near: Sequence[int] = (),
) -> list[RankedMessage]:
    """Score messages by themselves and their surroundings, best first.

    Args:
        question: what is asked.
        weights: rarity of each of its words.
        mean_length: terms of a message on average.
        runs: stretches of conversation, each without gaps and oldest first.
        near: messages that are near to the question in meaning, nearest first.
    """
    worth = own_weights(question, weights)
    words = zip(question.words, weights, strict=True)
    around = [(NAME_AROUND if word.name else _share(word)) * CONTEXT * weight for word, weight in words]
    asked = [not word.name for word in question.words]
    scored = []
    for number, run in enumerate(runs):
        for position, spoken in enumerate(run):
            by_word = tuple(
                mine + (weight * n * (CONTEXT_K1 + 1) / (n + CONTEXT_K1) if n else 0.0)
                for mine, weight, n in zip(
                    own_scores(worth, mean_length, spoken), around, _around(run, position, mean_length), strict=True
                )
            )
            score = raised(question, sum(by_word) * _together(asked, by_word), spoken)
            scored.append(RankedMessage(spoken, by_word, score, (number, position)))
    scored = _fused(scored, near)
    if question.wants_now:
        scored = _newer_is_better(scored)
    return sorted(scored, key=lambda line: (-line.score, -line.spoken.id))


def _fused(scored: Sequence[RankedMessage], near: Sequence[int]) -> list[RankedMessage]:
    """Raise the scores of messages that are near in meaning, by their rank there, as a share of the best score."""
    places = {message_id: place for place, message_id in enumerate(near)}
    share = MEANING * max((line.score for line in scored), default=0.0) or MEANING
    return [
        replace(line, score=line.score + share / (1 + places[line.spoken.id] / MEANING_HALF))
        if line.spoken.id in places
        else line
        for line in scored
    ]


def _together(asked: Sequence[bool], by_word: Sequence[float]) -> float:
    """How much a message is worth for the share of the words other than names (`asked`) that it or its like holds."""
    of = sum(asked)
    if not of:
        return 1.0
    held = sum(wanted and value > 0 for wanted, value in zip(asked, by_word, strict=True))
    return float((max(held, 0.5) / of) ** TOGETHER)


def _around(run: Sequence[Spoken], position: int, mean_length: float) -> list[float]:
    """How often each word is said in and around a message: what is nearer counts more."""
    here = run[position]
    weights = [0.0] * len(here.counts)
    for at in range(max(0, position - REACH), min(len(run), position + REACH + 1)):
        neighbour = run[at]
        if not any(neighbour.counts):
            continue
        weight = BY_DISTANCE[abs(at - position)]
        if at == position - 1 and neighbour.asks and neighbour.author_id != here.author_id:
            weight *= ASKED_BEFORE
        elif at != position and neighbour.author_id == here.author_id:
            weight *= SAME_AUTHOR
        weight /= 1 - CONTEXT_B + CONTEXT_B * neighbour.length / mean_length
        for word, n in enumerate(neighbour.counts):
            if n:
                weights[word] += weight * n
    return weights


def _newer_is_better(scored: Sequence[RankedMessage]) -> list[RankedMessage]:
    """Raise scores by age, the oldest not at all and the newest most, evenly by their order."""
    by_age = sorted(scored, key=lambda line: line.spoken.id)
    last = max(1, len(by_age) - 1)
    return [
        RankedMessage(line.spoken, line.by_word, line.score * (1 + NEWEST * age / last), line.place)
        for age, line in enumerate(by_age)
    ]
