"""Records what a real model answers to the golden chats: `python -m tests.golden.record --base-url URL --model NAME`.

The chats go through the whole pipeline, with the model behind Ollama's protocol; its answers and what was kept of them
are written to `recorded/`. `--only` asks about some chats again, `--missing` about those that were never asked or no
longer fit. `--approve` asks no model: it plays the recorded answers again and writes down what is kept of them now.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.golden.chats import Chat, all_chats
from tests.golden.play import Call, Script, play
from tests.golden.recordings import (
    NotRecorded,
    Recording,
    Replay,
    Reply,
    all_recordings,
    prompt_hash,
    write,
)
from tests.loopback.ollama import Answer

ANSWER_SECONDS = 600.0


class Asking:
    """Passes each call on to a real server and keeps its answer."""

    def __init__(self, http: httpx.AsyncClient, model: str) -> None:
        self._http = http
        self._model = model
        self.replies: list[Reply] = []

    async def __call__(self, call: Call) -> Answer:
        response = await self._http.post("/api/chat", json=dict(call.request) | {"model": self._model, "stream": False})
        told = response.raise_for_status().json()
        reply = Reply(
            asked=call.key,
            answer=told["message"]["content"],
            done_reason=told["done_reason"],
            prompt_eval_count=told.get("prompt_eval_count"),
            eval_count=told.get("eval_count"),
        )
        self.replies.append(reply)
        return reply.again()


async def record(base_url: str, model: str, names: Sequence[str], *, missing: bool) -> None:
    """Ask the model about the named chats, writing after each."""
    known = dict(all_recordings().get(model, {}))
    async with httpx.AsyncClient(base_url=base_url, timeout=ANSWER_SECONDS) as http:
        for name in names:
            chat = all_chats()[name]
            if missing and name in known and await _fits(chat, known[name], model):
                continue
            asking = Asking(http, model)
            recording = Recording(prompt_hash(), asking.replies)
            await _play(chat, asking, recording, model)
            known[name] = recording
            write(model, known, all_chats())
            print(
                f"{name}: {len(recording.replies)} calls, {len(recording.kept)} kept, {recording.refused}", flush=True
            )


async def approve(model: str, recordings: dict[str, Recording], names: Sequence[str]) -> None:
    """Write down what is kept now of what a model answered then."""
    for name in names:
        if name in recordings:
            await _play(all_chats()[name], Replay(name, recordings[name]), recordings[name], model)
    write(model, recordings, all_chats())


async def _fits(chat: Chat, recording: Recording, model: str) -> bool:
    replay = Replay(chat.name, recording)
    try:
        await _play(chat, replay, recording, model)
    except NotRecorded:
        return False
    return not replay.left


async def _play(chat: Chat, script: Script, recording: Recording, model: str) -> None:
    with TemporaryDirectory() as folder:
        recording.outcome(await play(chat, Path(folder) / "data", script, model=model))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base-url", default="http://localhost:11434", help="where Ollama's API is")
    parser.add_argument("--model", help="its name there")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="chats to ask about; all by default")
    parser.add_argument("--missing", action="store_true", help="leave out those whose recording fits")
    parser.add_argument("--approve", action="store_true", help="ask no model; write down what is kept now")
    given = parser.parse_args(arguments)
    names: list[str] = given.only or list(all_chats())
    if unknown := set(names) - all_chats().keys():
        sys.exit(f"no such chat: {', '.join(sorted(unknown))}")
    if given.approve:
        for model, recordings in all_recordings().items():
            if given.model in (None, model):
                asyncio.run(approve(model, recordings, names))
    elif given.model:
        asyncio.run(record(given.base_url, given.model, names, missing=given.missing))
    else:
        sys.exit("say which --model to ask")


if __name__ == "__main__":
    main()
