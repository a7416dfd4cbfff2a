"""`recall --answer`: what the model makes of the hits, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.domain import jump_url
from bot.recall import Answer, Answered, AnswerState, Presenter, RecallQuery, Responder, Sentence
from bot.run import App

NOT_KNOWN = "I don't know: what was found does not tell it."


class _NotCompared:
    """Compares nothing: on the command line there is no Discord."""

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        """See `bot.recall.Comparison`."""
        return frozenset()


async def answered(app: App, query: RecallQuery) -> Answered:
    """What a question finds, in every channel where it names none, and the answer from that."""
    guilds, directory = app.services.guilds, app.directory
    presenter = Presenter(app.log, app.store, _NotCompared(), guilds.consents.opted_out)
    responder = Responder(
        app.recall, app.services.answers, presenter, directory, embeds_at_home=app.services.embeds_at_home
    )

    async def reading() -> frozenset[int]:
        if query.channel_ids is not None:
            return query.channel_ids
        return await directory.channel_ids(query.guild_id)

    return await responder.respond(query, reading)


def as_record(answer: Answer, guild_id: int) -> dict[str, Any]:
    """The JSON object of an answer: its state, and sentences with the messages that say them."""
    sentences = [
        {
            "text": sentence.text,
            "speakers": list(sentence.speakers),
            "message_ids": [str(source.message_id) for source in sentence.sources],
            "links": [jump_url(guild_id, source.channel_id, source.message_id) for source in sentence.sources],
        }
        for sentence in answer.sentences
    ]
    return {"state": str(answer.state), "sentences": sentences} | ({"why": answer.why} if answer.why else {})


def lines_of(answer: Answer, guild_id: int) -> list[str]:
    """An answer for people: its sentences with numbers, and below them where these lead."""
    match answer.state:
        case AnswerState.UNAVAILABLE:
            return [f"No answer: {answer.why}."]
        case AnswerState.UNKNOWN:
            return [NOT_KNOWN]
    cited = answer.cited
    sentences = [
        f"{_attributed(sentence)} {''.join(f'[{cited.index(source) + 1}]' for source in sentence.sources)}"
        for sentence in answer.sentences
    ]
    links = [
        f"[{number}] {source.speaker} · {source.day} · {jump_url(guild_id, source.channel_id, source.message_id)}"
        for number, source in enumerate(cited, start=1)
    ]
    return [" ".join(sentences), *links]


def _attributed(sentence: Sentence) -> str:
    """A sentence, and behind it whose word it is where it does not say so itself."""
    return f"{sentence.text} — {', '.join(sentence.speakers)}" if sentence.speakers else sentence.text


def show(console: Console, lines: Sequence[str]) -> None:
    """Print an answer above its hits."""
    for number, line in enumerate(lines):
        console.print(Text(f"  {line}", style="dim" if number else "green"), soft_wrap=True)
