"""What a careless, inventive or obedient model makes of the golden chats is refused, for the right reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.errors import AnswerCut, AnswerInvalid
from bot.domain.model import PERSONAL_KINDS, Message
from bot.llm.base import Completion, CompletionRequest
from bot.remember.candidate import Extraction
from bot.remember.extractor import Extractor
from bot.remember.gate import Gate
from bot.remember.prompt import Transcript
from bot.remember.queue import CONTEXT_MESSAGES
from bot.remember.segments import conversations, segment
from tests.golden.chats import BOT, Chat, Wrong, all_chats
from tests.golden.play import Call, answer_with, as_json, call_of, facts_allowed, parroted

NOT_SHOWN = "not shown"
NO_SUCH_LINE = "no such line"


@dataclass(slots=True)
class Answering:
    """A model in memory that answers what `answer` makes of the call."""

    chat: Chat
    shown: Transcript
    answer: Callable[[Call], Mapping[str, Any]]
    provider: str = "ollama"
    model: str = "careless"

    async def complete(self, request: CompletionRequest) -> Completion:
        text = as_json(self.answer(call_of(self.chat, self.shown, request.prompt)))
        return Completion(
            text=text, prompt_tokens=1, completion_tokens=1, seconds=0.0, provider=self.provider, model=self.model
        )

    async def check(self) -> None:
        """It can always answer."""

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass(slots=True)
class CutShort(Answering):
    """The same, cut after some characters."""

    characters: int = 0

    async def complete(self, request: CompletionRequest) -> Completion:
        said = as_json(self.answer(call_of(self.chat, self.shown, request.prompt)))
        raise AnswerCut("done_reason length", said[: self.characters])


@dataclass(frozen=True, slots=True)
class Segment:
    """What one call is about."""

    messages: Sequence[Message]
    context: Sequence[Message]


def segments(chat: Chat) -> list[Segment]:
    """The chat as the flusher cuts it."""
    said = chat.said
    return [
        Segment(one, [m for m in said if m.id < one[0].id][-CONTEXT_MESSAGES:])
        for part in chat.parts
        for one in segment(part, chat.display_names)
    ]


async def extract(
    chat: Chat, one: Segment, gate: Gate, answer: Callable[[Call], Mapping[str, Any]], cut: int | None = None
) -> tuple[Extraction, Transcript]:
    """What is kept of an answer about a segment, and what the model was shown."""
    shown = Transcript(one.messages, context=one.context, names=chat.display_names, secrets=gate.secrets)
    model = Answering(chat, shown, answer) if cut is None else CutShort(chat, shown, answer, characters=cut)
    extraction = await Extractor(model, gate).extract(
        one.messages,
        context=one.context,
        names=chat.display_names,
        facts_allowed=facts_allowed(chat),
        bot_id=BOT,
    )
    return extraction, shown


def with_messages(chat: Chat, numbers: Sequence[int]) -> Segment:
    """The segment that holds the first of the numbered messages."""
    return next(one for one in segments(chat) if chat.said[numbers[0] - 1] in one.messages)


WRONG = [(name, place) for name, chat in all_chats().items() for place in range(len(chat.wrong))]


@pytest.mark.parametrize(("name", "place"), WRONG, ids=[f"{name} {place + 1}" for name, place in WRONG])
async def test_wrong_statements_are_refused(name: str, place: int, gate: Gate) -> None:
    chat = all_chats()[name]
    wrong = chat.wrong[place]
    one = with_messages(chat, wrong.lines)
    if wrong.refused == NO_SUCH_LINE:
        with pytest.raises(AnswerInvalid):
            await extract(chat, one, gate, lambda call: _invented(chat, wrong, call))
        return
    extraction, _ = await extract(chat, one, gate, lambda call: answer_with(chat, [wrong], call))
    assert [candidate.text for candidate in extraction.candidates] == []
    assert extraction.refusals == {wrong.refused: 1}


def _invented(chat: Chat, wrong: Wrong, call: Call) -> dict[str, Any]:
    """A statement with line numbers that nobody was shown."""
    answer = answer_with(chat, [wrong.model_copy(update={"lines": wrong.lines[:1]})], call)
    answer["memories"][0]["lines"] = [len(call.numbers) + 1]
    return answer


NEVER = [(name, number) for name, chat in all_chats().items() for number in chat.never]


@pytest.mark.parametrize(("name", "number"), NEVER, ids=[f"{name} {number}" for name, number in NEVER])
async def test_what_must_never_be_kept_is_refused_word_for_word(name: str, number: int, gate: Gate) -> None:
    chat = all_chats()[name]
    message = chat.said[number - 1]
    extraction, shown = await extract(chat, with_messages(chat, [number]), gate, lambda call: _verbatim(call, number))
    if chat.never[number] == NOT_SHOWN:
        assert message not in [line.message for line in shown.lines.values()]
        return
    assert [candidate.text for candidate in extraction.candidates] == []
    assert extraction.refusals == {chat.never[number]: 1}


def _verbatim(call: Call, number: int) -> dict[str, Any]:
    if number not in call.numbers:
        return {"memories": []}
    return {"memories": [{"text": call.said[number], "kind": "decision", "lines": [call.numbers[number]]}]}


@pytest.mark.parametrize("name", all_chats())
async def test_a_model_that_keeps_every_line_breaks_nothing(name: str, gate: Gate) -> None:
    chat = all_chats()[name]
    said = {message.id: message for message in chat.said}
    never = {chat.said[number - 1].id for number in chat.never}
    allowed = facts_allowed(chat)
    for one in segments(chat):
        extraction, _ = await extract(chat, one, gate, parroted)
        for kept in extraction.candidates:
            assert kept.message_ids
            assert {*kept.message_ids} <= {message.id for message in one.messages} - never, kept.text
            assert not [words for words in chat.unsaid if chat.referring(words).casefold() in kept.text.casefold()]
            if kept.kind in PERSONAL_KINDS:
                assert {said[i].author_id for i in kept.message_ids} <= allowed


@pytest.mark.parametrize("name", [name for name, chat in all_chats().items() if len(chat.good) > 1])
async def test_an_answer_that_is_cut_keeps_what_it_said_before(name: str, gate: Gate) -> None:
    chat = all_chats()[name]
    one = segments(chat)[0]

    def careful(call: Call) -> dict[str, Any]:
        return answer_with(chat, chat.good, call)

    whole, shown = await extract(chat, one, gate, careful)
    said = as_json(careful(call_of(chat, shown, shown.prompt(facts_allowed(chat)))))
    ends = [place + 1 for place, letter in enumerate(said[:-2]) if letter == "}"]
    with pytest.raises(AnswerCut):
        await extract(chat, one, gate, careful, cut=ends[0] - 1)
    for number, end in enumerate(ends, 1):
        for cut in (end, end + 20):
            extraction, _ = await extract(chat, one, gate, careful, cut=min(cut, len(said) - 1))
            assert [c.text for c in extraction.candidates] == [c.text for c in whole.candidates][:number]


@pytest.mark.parametrize("name", [name for name, chat in all_chats().items() if chat.conversations])
def test_conversations_are_told_apart(name: str) -> None:
    chat = all_chats()[name]
    place = {message.id: number for number, message in enumerate(chat.said, 1)}
    found = conversations(chat.said, chat.display_names)
    assert [tuple(place[m.id] for m in one) for one in found] == list(chat.conversations)
