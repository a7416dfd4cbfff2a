"""What a day of chat costs by the ledger: `python -m bench.costs DATA [--messages 10000]`.

The messages of a folder (`messages.jsonl`, repeated with new ids until there are enough) go through the whole pipeline
against a scripted model that keeps one line of six in its own words, and an embedding server that
counts tokens as OpenAI does. Prints the bill that `python -m bot costs` would show: tokens, dollars, and the same work
at OpenAI alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bot.llm.composition
from bot.llm.loading import load_settings
from bot.llm.savings import Bill, bill
from bot.observe.exports import open_export
from bot.run.app import open_app
from bot.run.replay import Replay
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

LINE = re.compile(r"^(\d+) @[A-Z]{1,2}(?: to @[A-Z]{1,2})?(?:, [^:]*:\d\d)?: (.{30,240})$", re.MULTILINE)
STATEMENT = re.compile(r"^S(\d+) ", re.MULTILINE)
LINES_A_STATEMENT = 6
"""A careful reader of a busy support channel keeps about one statement of so many lines."""
DAY = 24 * 60 * 60 * 1000 << 22
"""A day in snowflakes."""


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--messages", type=int, default=10_000)
    arguments = parser.parse_args()
    bot.llm.composition.MODEL_CALLS_A_SECOND = 1_000  # the scripted model needs no protection
    print(json.dumps(asyncio.run(measure(arguments.data, arguments.messages)), indent=1))


async def measure(data: Path, count: int) -> dict[str, object]:
    """Replay so many messages, and read the bill."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "messages.jsonl"
        export.write_text("".join(f"{json.dumps(line)}\n" for line in repeated(data / "messages.jsonl", count)))
        async with LoopbackOllama(answer=scripted) as ollama, LoopbackOpenAI(api_key="k") as openai:
            settings = load_settings(
                None,
                data_dir=Path(folder) / "data",
                ollama_base_url=ollama.url,
                openai_base_url=openai.api_url,
                openai_api_key="k",
            )
            async with open_app(settings, extract=True) as app:
                summary = await Replay(app.log, app.ledger, app.prices, app.flusher).run(
                    open_export(export), lambda *_: None
                )
                owed = bill(await app.ledger.totals("1970-01-01"), app.prices)
    return {
        "messages": summary.messages,
        "model calls": summary.calls,
        "memories": summary.memories,
        "not kept": sum(summary.declined.values()),
        **figures(owed),
    }


def figures(owed: Bill) -> dict[str, object]:
    """The bill, rounded for reading."""
    return {
        "tokens a message": round(owed.tokens / max(1, owed.messages), 1),
        "tokens embedded": owed.embedding_tokens,
        "dollars for embeddings": round(owed.spent, 6),
        "dollars for electricity, estimated": round(owed.electricity, 4),
        "OpenAI, these same calls": round(owed.same_calls, 4),
        "OpenAI, stock mem0 in batches of 20": round(owed.batches_of_20, 4),
        "OpenAI, stock mem0, one call a message": round(owed.one_call, 4),
        "saved against one call a message": owed.saving(owed.one_call),
        "saved against batches of 20": owed.saving(owed.batches_of_20),
    }


def repeated(path: Path, count: int) -> Iterator[dict[str, Any]]:
    """So many messages: those of the file, then the same on later days."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    span = int(lines[-1]["id"]) - int(lines[0]["id"]) + DAY
    for number in range(count):
        line, later = lines[number % len(lines)], span * (number // len(lines))
        reply_to = line.get("reply_to")
        yield line | {
            "id": str(int(line["id"]) + later),
            "reply_to": None if reply_to is None else str(int(reply_to) + later),
        }


def scripted(request: dict[str, Any]) -> dict[str, Any]:
    """Proposes the longest lines that are shown, as know-how, and agrees to whatever it is to judge."""
    return answer_to(request["messages"][-1]["content"])


def answer_to(prompt: str) -> dict[str, Any]:
    """The answer to either call."""
    lines, _, asked = prompt.partition("\nStatements:\n")
    if asked:
        yes = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        return {"verdicts": [{"n": int(number)} | yes for number in STATEMENT.findall(asked)]}
    shown = LINE.findall(lines.rsplit("Lines:", 1)[-1])
    longest = sorted({text: int(number) for number, text in shown}.items(), key=lambda line: -len(line[0]))
    kept = sorted(longest[: 1 + len(shown) // LINES_A_STATEMENT], key=lambda line: line[1])
    return {"topics": [], "memories": [{"text": text, "kind": "answer", "lines": [number]} for text, number in kept]}


if __name__ == "__main__":
    main()
