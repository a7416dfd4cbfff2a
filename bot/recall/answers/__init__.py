"""Answers: from what recall found to a few sentences, each of which stands on messages that it cites.

Two calls make one answer: the first one answers from numbered lines, the second one judges each sentence against the
lines that it cites. What is exact code checks in between.
"""

from bot.recall.answers.check import AnswerCheck
from bot.recall.answers.evidence import Material, Source
from bot.recall.answers.service import NO_ANSWER, NO_MODEL, Answer, Answers, AnswerState, Sentence

__all__ = [
    "NO_ANSWER",
    "NO_MODEL",
    "Answer",
    "AnswerCheck",
    "AnswerState",
    "Answers",
    "Material",
    "Sentence",
    "Source",
]
