"""How long after a question its answer is there: `python -m bench.answers [--messages 2000] [--questions 10]`.

A model on loopback takes exactly a second a call, and answers every question from the first line that it is shown. An
answer takes two calls, and a third one where the model wants to look for something else first. What is measured is
searching, comparing, two prompts, the exact checks and the way to the model and back: all that the program itself adds.
Prints one JSON object; seconds are those on the wall.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bot.domain import Message, snowflake
from bot.llm.loading import load_settings
from bot.observe.messagelog import Said
from bot.recall import Presenter, RecallQuery, Responder
from bot.run.app import App, open_app
from tests.loopback.ollama import LoopbackOllama

GUILD, CHANNELS = 1, 20
SECONDS_A_CALL = 1.0
START_MS = 1_760_000_000_000
GROUP = 500


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2_000, help="messages in the log")
    parser.add_argument("--questions", type=int, default=10, help="questions of each kind")
    arguments = parser.parse_args()
    json.dump(asyncio.run(measure(arguments.messages, arguments.questions)), sys.stdout, indent=1)
    print()


class _NotCompared:
    """There is no Discord here."""

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        return frozenset()


class _Model:
    """Answers from the first line, and agrees; looks for something else first where that is wanted."""

    def __init__(self) -> None:
        self.search = ""

    async def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(SECONDS_A_CALL)
        fields = body["format"]["properties"]
        if "verdicts" in fields:
            return {"verdicts": [{"n": 1, "said": True}]}
        search = {"search": self.search} if "search" in fields else {}
        return {"sentences": [{"text": "That was said.", "sources": [1]}], **search}


async def measure(messages: int, questions: int) -> dict[str, object]:
    """Seconds from a question to its answer, with one search and with two."""
    model = _Model()
    with tempfile.TemporaryDirectory() as folder:
        async with LoopbackOllama(answer=model.answer) as server:
            settings = load_settings(None, data_dir=Path(folder), ollama_base_url=server.url, openai_api_key="")
            async with open_app(settings, extract=False, answer=True, leads=True) as app:
                said = talk(messages)
                for start in range(0, len(said), GROUP):
                    await app.log.append(said[start : start + GROUP])
                one = await asked(app, questions)
                model.search = "delivery of w17"
                two = await asked(app, questions)
                calls = len(server.asked("/api/chat"))
    figures: dict[str, object] = {"messages": messages, "calls": calls, "seconds a call": SECONDS_A_CALL}
    for name, seconds in (("two calls", one), ("with a second search, three calls", two)):
        figures[name] = {"median": round(statistics.median(seconds), 2), "most": round(max(seconds), 2)}
    return figures


async def asked(app: App, questions: int) -> list[float]:
    """Seconds of each question, one after the other."""
    presenter = Presenter(app.log, app.store, _NotCompared())
    responder = Responder(app.recall, app.services.answers, presenter, app.directory)
    readable = await app.directory.channel_ids(GUILD)
    seconds = []
    for number in range(questions):
        query = RecallQuery(guild_id=GUILD, text=f"when does w{number} come to w{number + 1}?", channel_ids=None)
        started = time.perf_counter()
        answered = await responder.respond(query, partial(_always, readable))
        seconds.append(time.perf_counter() - started)
        if not answered.is_answered:
            raise SystemExit(f"Question {number} was not answered: {answered.answer}")
    return seconds


async def _always(readable: frozenset[int]) -> frozenset[int]:
    return readable


def talk(messages: int) -> list[Said]:
    """People saying words, a minute apart."""
    chance = random.Random(1)
    said = []
    for number in range(messages):
        words = " ".join(f"w{int(chance.paretovariate(0.7)) % 400}" for _ in range(chance.randint(4, 30)))
        message = Message(
            id=snowflake.from_ms(START_MS + number * 60_000),
            guild_id=GUILD,
            channel_id=10 + chance.randrange(CHANNELS),
            author_id=100 + chance.randrange(40),
            content=words,
        )
        said.append(Said(message, f"member {message.author_id}"))
    return said


if __name__ == "__main__":
    main()
