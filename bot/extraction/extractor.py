"""Asks a language model what in a segment is worth keeping, and keeps only what the gate lets through."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from bot.extraction.candidate import Candidate, Extraction
from bot.extraction.gate import Gate
from bot.llm.base import LanguageModel
from bot.model import Message

__all__ = ["Candidate", "Extraction", "Extractor"]


class Extractor:
    """Extracts memory candidates from one segment with one model call."""

    def __init__(self, model: LanguageModel, gate: Gate) -> None:
        self._model = model
        self._gate = gate

    async def extract(
        self,
        messages: Sequence[Message],
        *,
        context: Sequence[Message],
        names: Mapping[int, str],
        facts_allowed: Container[int],
        bot_id: int | None,
    ) -> Extraction:
        """Extract from `messages`; `context` may be used by the model and not cited.

        Args:
            messages: one segment, oldest first.
            context: what was said before it in the channel, oldest first.
            names: display names by user id, to understand who is addressed.
            facts_allowed: members of whom self-stated facts and preferences may be kept.
            bot_id: this bot's own user id; talk to it is not kept.

        Raises:
            AnswerInvalid: the answer is not the JSON asked for, or cites lines that don't exist.
            AnswerCut: prompt or answer did not fit the model's window.
            ServiceError: the model's service failed.
        """
        return Extraction()
