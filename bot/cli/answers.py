"""`recall --answer`: what the model makes of the hits, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.domain import Hit, jump_url, with_names
from bot.recall import Answer, AnswerState, Hits
from bot.run import App

NOT_KNOWN = "I don't know: what was found does not tell it."


async def answered(app: App, query: str, hits: Sequence[Hit], names: Mapping[int, str]) -> Answer:
    """The answer to a question from its hits."""
    people: set[str] = set()
    for guild_id in {hit.guild_id for hit in hits}:
        people |= set((await app.directory.find(guild_id, query)).values())
    again, everywhere = Hits(app.log, app.store), frozenset[int]().union(*(hit.channel_ids for hit in hits))
    fresh = await again.fresh(hits, everywhere)

    async def stands() -> bool:
        return fresh == await again.fresh(hits, everywhere)

    question = with_names(query, names)
    return await app.services.answers.answer(question, hits, names, stands=stands, people=people)


def as_record(answer: Answer, hits: Sequence[Hit]) -> dict[str, Any]:
    """The JSON object of an answer: its state, and sentences with the messages that say them."""
    sentences = [
        {
            "text": sentence.text,
            "message_ids": [str(source.message_id) for source in sentence.sources],
            "links": [_link(hits[source.hit], source.message_id) for source in sentence.sources],
        }
        for sentence in answer.sentences
    ]
    return {"state": str(answer.state), "sentences": sentences} | ({"why": answer.why} if answer.why else {})


def lines_of(answer: Answer, hits: Sequence[Hit]) -> list[str]:
    """An answer for people: its sentences with numbers, and below them where these lead."""
    match answer.state:
        case AnswerState.UNAVAILABLE:
            return [f"No answer: {answer.why}."]
        case AnswerState.UNKNOWN:
            return [NOT_KNOWN]
    cited = answer.cited
    sentences = [
        f"{sentence.text} {''.join(f'[{cited.index(source) + 1}]' for source in sentence.sources)}"
        for sentence in answer.sentences
    ]
    links = [
        f"[{number}] {source.speaker} · {source.day} · {_link(hits[source.hit], source.message_id)}"
        for number, source in enumerate(cited, start=1)
    ]
    return [" ".join(sentences), *links]


def show(console: Console, lines: Sequence[str]) -> None:
    """Print an answer above its hits."""
    for number, line in enumerate(lines):
        console.print(Text(f"  {line}", style="dim" if number else "green"), soft_wrap=True)


def _link(hit: Hit, message_id: int) -> str:
    return jump_url(hit.guild_id, hit.anchor_channel_id, message_id)
