"""Answers: from what recall found to at most three sentences, each of which stands on messages that it cites."""

from bot.recall.answers.service import NO_ANSWER, NO_MODEL, Answer, Answers, AnswerState, Sentence
from bot.recall.answers.sources import Source

__all__ = ["NO_ANSWER", "NO_MODEL", "Answer", "AnswerState", "Answers", "Sentence", "Source"]
