"""How making memories grows with workers: `python -m bench.scale [--workers 1 2 4] [--channels 24] [--batches 5]`.

A PostgreSQL server of its own, loopback servers for model, embeddings and Qdrant, and real `python -m bot worker`
processes. Every call of the model takes exactly one second and a worker makes one at a time, so that a worker without
any overhead gets through one batch a second. Recall is asked all the while in another process than the workers. Prints
one JSON object; the server writes to disk as late as it likes, which flatters the first figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.ingest import ROOT, quantile, text_of
from bot.domain import snowflake
from bot.domain.clock import system_clock
from bot.domain.model import Message
from bot.llm.loading import load_settings
from bot.observe.messagelog import Said
from bot.recall import RecallQuery
from bot.run.app import App, open_app
from bot.storage.schema import messages
from tests.fixtures.postgres import PostgresServer, running_server
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

MODEL_SECONDS = 1.0
A_BATCH = 30
"""Messages of one batch: as many as a call of the model takes."""

GUILD_CHANNELS = 4
GROUP = 200
ASK_EVERY_SECONDS = 1.0
"""The model answers from the process that asks, so asking more often would be counted as the workers' overhead."""


@dataclass
class Model:
    """Answers after one second.

    Attributes:
        asked: when each call came.
        answered: when each was answered.
    """

    asked: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    async def __call__(self, _: dict[str, Any]) -> dict[str, Any]:
        """One call of the model."""
        self.asked.append(time.monotonic())
        await asyncio.sleep(MODEL_SECONDS)
        self.answered.append(time.monotonic())
        return {"memories": []}


def main() -> None:
    """Measure each number of workers, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--channels", type=int, default=24)
    parser.add_argument("--batches", type=int, default=5, help="of each channel")
    arguments = parser.parse_args()
    with running_server() as server:
        runs = [asyncio.run(run(server, count, arguments.channels, arguments.batches)) for count in arguments.workers]
    one = runs[0]["batches a second"] / arguments.workers[0]
    for count, figures in zip(arguments.workers, runs, strict=True):
        figures["times one worker"] = round(figures["batches a second"] / one, 2)
        figures["workers"] = count
    print(json.dumps(runs, indent=1))


async def run(server: PostgresServer, workers: int, channels: int, batches: int) -> dict[str, Any]:
    """Fill a database, let so many workers empty its queue, and ask recall meanwhile."""
    model = Model()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "DATABASE_URL": await stack.enter_async_context(server.database()),
            "OLLAMA_BASE_URL": (await stack.enter_async_context(LoopbackOllama(answer=model))).url,
            "OPENAI_BASE_URL": (await stack.enter_async_context(LoopbackOpenAI(api_key="k"))).api_url,
            "MEM0_QDRANT_URL": (await stack.enter_async_context(LoopbackQdrant())).url,
            "OPENAI_API_KEY": "k",
            "FLUSH_BATCH_SIZE": str(A_BATCH),
        }
        settings = load_settings(None, data_dir=folder, mem0_enabled=False, database_url=environment["DATABASE_URL"])
        app = await stack.enter_async_context(open_app(settings, extract=False))
        logged = await fill(app, channels, batches)
        idle = await ask_until(app, time.monotonic() + 5)
        processes = [await worker(_folder(folder, number), environment) for number in range(workers)]
        try:
            busy = await ask_until(app, None)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            await asyncio.gather(*(process.wait() for process in processes))
    began = sorted(model.asked)[workers - 1]  # every worker is at work
    counted = [at for at in model.answered if at > began]
    throughput = len(counted) / (max(counted) - began)
    return {
        "workers": workers,
        "messages a second into the log": round(logged),
        "batches": len(model.answered),
        "batches a second": round(throughput, 3),
        "overhead of a batch, ms": round(1000 * (workers / throughput - MODEL_SECONDS)),
        "recall, ms, idle": [round(statistics.median(idle)), round(quantile(idle, 0.95))],
        "recall, ms, meanwhile": [round(statistics.median(busy)), round(quantile(busy, 0.95))],
    }


async def fill(app: App, channels: int, batches: int) -> float:
    """Log what there is to do; messages a second."""
    now = system_clock()
    said = [
        Said(
            Message(
                id=snowflake.from_ms(now - 1000 * (channels * batches * A_BATCH - number)) + number % 1000,
                guild_id=1 + number % channels // GUILD_CHANNELS,
                channel_id=1_000 + number % channels,
                author_id=100 + number % 7,
                content=text_of(number),
            ),
            f"member {number % 7}",
        )
        for number in range(channels * batches * A_BATCH)
    ]
    started = time.monotonic()
    for start in range(0, len(said), GROUP):
        await app.log.append(said[start : start + GROUP])
    return len(said) / (time.monotonic() - started)


async def ask_until(app: App, end: float | None) -> list[float]:
    """Milliseconds of questions until a time, or (None) until nothing is pending."""
    pending = select(func.count()).where(messages.c.state == "pending")
    took: list[float] = []
    while True:
        started = time.monotonic()
        query = RecallQuery(guild_id=1, text=f"who has seen the blue ladder {len(took)}", channel_ids=None)
        await app.recall.search(query)
        took.append(1000 * (time.monotonic() - started))
        async with app.db.read() as connection:
            left = await connection.scalar(pending)
        if (end is not None and time.monotonic() > end) or (end is None and not left):
            return took
        await asyncio.sleep(ASK_EVERY_SECONDS)


def _folder(parent: Path, number: int) -> Path:
    folder = parent / f"worker-{number}"
    folder.mkdir()
    return folder


async def worker(folder: Path, environment: dict[str, str]) -> asyncio.subprocess.Process:
    """A worker process."""
    with (folder / "worker.log").open("wb") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "worker",
            cwd=folder,
            env=os.environ | environment | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )


if __name__ == "__main__":
    main()
