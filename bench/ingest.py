"""How fast messages get from the gateway into the durable log: `python -m bench.ingest`.

Three processes: a loopback Discord that sends, the real bot that keeps, and this one, which counts rows in the bot's
database. Beside it, in the same run, stock mem0 with `add(infer=False)` for each message, embedding by a function that
costs nothing, into its embedded Qdrant. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = "the printer on the second floor is out of paper again has anybody seen the blue ladder since yesterday"
WORDS = SENTENCE.split()
PORT_FILE, FIGURES = "discord.json", "bot.json"


def text_of(number: int) -> str:
    """A message as people write them: 12 words."""
    return " ".join(WORDS[(number * 7 + place) % len(WORDS)] for place in range(11)) + f" {number}"


# --- the loopback Discord, a process of its own ----------------------------------------------------------------------


async def serve(folder: Path, count: int, rate: float) -> None:
    """Send `count` messages once the bot is there: at `rate` a second, or (0) as fast as the socket takes them."""
    from tests.loopback.discord import LoopbackDiscord, eventually

    async with LoopbackDiscord() as discord:
        guild = discord.world.guild("Bench")
        members = [guild.member(f"member {number}") for number in range(20)]
        channels = [guild.text(f"channel-{number}") for number in range(4)]
        place = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "OBSERVE_CHANNELS": ",".join(str(channel.id) for channel in channels),
        }
        (folder / "unfinished").write_text(json.dumps(place))
        (folder / "unfinished").rename(folder / PORT_FILE)
        listening = lambda: all(channel.messages for channel in channels)  # noqa: E731 - each has its notice
        await eventually(listening, within=90)
        await asyncio.sleep(3)
        started = time.monotonic()
        (folder / "started").write_text(str(time.time()))
        for number in range(count):
            channels[number % 4].say(members[number % 20], text_of(number))
            if number % 20 == 0:
                ahead = number / rate - (time.monotonic() - started) if rate else 0.0
                await asyncio.sleep(max(0.0, ahead))
        await asyncio.Event().wait()


# --- the bot, a process of its own, with a watch on its event loop ---------------------------------------------------


async def keep(folder: Path) -> None:
    """The real bot, measured from inside: stalls of its loop, and what each message costs its handler."""
    from bot.cli.start import load
    from bot.run.life import live
    from cogs.observer import Observer
    from tests.loopback.waiting import eventually

    handlers: list[float] = []
    handle = Observer.on_message

    async def timed(self: Observer, message: Any) -> None:  # noqa: ANN401
        before = time.perf_counter()
        await handle(self, message)
        handlers.append(time.perf_counter() - before)

    for name in ("__cog_listener__", "__cog_listener_names__"):
        setattr(timed, name, getattr(handle, name))
    timed.__name__ = handle.__name__
    Observer.on_message = timed  # type: ignore[method-assign]
    stalls: list[float] = []

    async def watch() -> None:
        await eventually((folder / "started").exists, within=120)
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append(time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    try:
        await live(load())
    finally:
        watching.cancel()
        figures = {
            "handler_p50_ms": quantile(handlers, 0.5) * 1000,
            "handler_p99_ms": quantile(handlers, 0.99) * 1000,
            "stall_p99_ms": quantile(stalls, 0.99) * 1000,
            "stall_longest_ms": max(stalls, default=0.0) * 1000,
        }
        (folder / FIGURES).write_text(json.dumps(figures))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


# --- stock mem0 ------------------------------------------------------------------------------------------------------


def stock(folder: Path, count: int) -> float:
    """Messages a second that mem0's `add(infer=False)` takes, one at a time, with embeddings that cost nothing."""
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "OPENAI_API_KEY": "unused"}
    from mem0.memory.main import Memory

    store = {"collection_name": "bench", "embedding_model_dims": 1536, "path": str(folder / "qdrant"), "on_disk": True}
    memory = Memory.from_config(
        {
            "vector_store": {"provider": "qdrant", "config": store},
            "history_db_path": str(folder / "history.db"),
        }
    )
    memory.embedding_model.embed = lambda text, *_, **__: [float(len(text) % 7 + place % 5) for place in range(1536)]
    started = time.perf_counter()
    for number in range(count):
        message = {"role": "user", "name": f"member {number % 20}", "content": text_of(number)}
        memory.add([message], agent_id="bench", metadata={"channel_id": number % 4}, infer=False)
    return count / (time.perf_counter() - started)


# --- this process ----------------------------------------------------------------------------------------------------


def logged(database: Path) -> int:
    """How many messages are durable."""
    from tests.acceptance.stores import rows

    return int(rows(database, "SELECT count(*) FROM messages")[0][0])


def wait_for(what: str, process: subprocess.Popen[bytes], seconds: float, look: Any) -> None:  # noqa: ANN401
    """Look again until there is something."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline or process.poll() is not None:
            raise SystemExit(f"{what} did not come")
        time.sleep(0.01)


def measure(folder: Path, count: int, rate: float) -> dict[str, float]:
    """One run."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "MEM0_ENABLED": "false"}
    command = [sys.executable, "-m", "bench.ingest", "--folder", str(folder)]
    with (folder / "bot.log").open("wb") as log:
        sending = [*command, "--messages", str(count), "--rate", str(rate), "--part", "discord"]
        sender = subprocess.Popen(sending, cwd=ROOT, env=environment, stderr=log)  # noqa: S603
        try:
            wait_for("the loopback Discord", sender, 30, (folder / PORT_FILE).exists)
            environment |= json.loads((folder / PORT_FILE).read_text()) | {"DATA_DIR": str(folder / "data")}
            keeping = [*command, "--part", "bot"]
            bot = subprocess.Popen(keeping, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603
            database = folder / "data/channel-memory.db"
            wait_for("the bot's start", bot, 90, (folder / "started").exists)
            wait_for("the last message", bot, 60 + count / 100, lambda: logged(database) >= count)
            seconds = time.time() - float((folder / "started").read_text())
            peak = peak_memory(bot.pid)
            bot.terminate()
            bot.wait(30)
        finally:
            sender.kill()
    figures: dict[str, float] = json.loads((folder / FIGURES).read_text())
    return {"messages_a_second": count / seconds, "seconds": seconds, "peak_mb": peak} | figures


def peak_memory(pid: int) -> float:
    """Most memory that a process had at once, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; 0: as fast as they are taken")
    parser.add_argument("--stock", type=int, default=300, help="messages for mem0; 0: without")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=["discord", "bot"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "discord":
        asyncio.run(serve(options.folder, options.messages, options.rate))
    elif options.part == "bot":
        asyncio.run(keep(options.folder))
    else:
        with tempfile.TemporaryDirectory() as name:
            figures = measure(Path(name), options.messages, options.rate)
            if options.stock:
                (Path(name) / "stock").mkdir()
                figures["stock_mem0_messages_a_second"] = stock(Path(name) / "stock", options.stock)
                figures["ratio"] = figures["messages_a_second"] / figures["stock_mem0_messages_a_second"]
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
