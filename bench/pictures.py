"""Draws the pictures of the README: `python -m bench.pictures`.

docs/images/recall.svg is what `recall` prints on the sample chat; docs/images/status.png is the chart of /memory
status, over thirty days of an invented server whose costs are those of the ledger's prices.
"""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path

from rich.console import Console

from bot.app import open_app
from bot.chart import Bar, draw
from bot.cli.recall import Question, find, show
from bot.config import load_settings
from bot.costs import PriceTable
from bot.exports import open_export
from bot.replay import Replay
from bot.savings import estimate

IMAGES = Path(__file__).parents[1] / "docs/images"
WIDTH = 100
DAYS = 30
QUERY = "Which laser settings work for 4 mm birch plywood?"


async def recall_picture(folder: Path) -> str:
    """An SVG of a recall on the sample chat, by words alone."""
    settings = load_settings(None, data_dir=folder, mem0_enabled=False)
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    async with open_app(settings, extract=False) as app:
        with as_file(files("bot.sample") / "chat.jsonl") as sample:
            await Replay(app.log, app.ledger, app.flusher).run(open_export(sample), lambda stage, count: None)
        show(console, Question(id="1", query=QUERY), await find(app, Question(id="1", query=QUERY), limit=2))
    svg = console.export_svg(title="python -m bot recall")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is fetched to look at it


def status_picture() -> bytes:
    """A PNG of thirty days."""
    chance = random.Random(7)
    bars = []
    for number in range(1, DAYS + 1):
        messages = round(chance.gauss(420, 90) * (0.6 if number % 7 in {5, 6} else 1.0))
        day = estimate(
            messages,
            prices=PriceTable(),
            llm=("ollama", "llama3.1:8b"),
            embedder=("openai", "text-embedding-3-small"),
        )
        bars.append(Bar(f"11-{number:02}", messages, round(messages / chance.uniform(7, 11)), day.spent, day.one_call))
    return draw(bars)


def main() -> None:
    """Draw both."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (IMAGES / "recall.svg").write_text(asyncio.run(recall_picture(Path(folder))), encoding="utf-8")
    (IMAGES / "status.png").write_bytes(status_picture())


if __name__ == "__main__":
    main()
