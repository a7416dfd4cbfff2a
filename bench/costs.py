"""What a day of chat asks of the models: `python -m bench.costs` measures it and writes bot/llm/measured_days.py.

The sample chat of the demo goes through a simulated day (`bench.capacity`): the whole of it as the day of a busy
channel, its first messages as that of a quiet one, in which there are fewer lines to a call. The model keeps one line
of six, and what it is asked and answers is counted as `bench.capacity` counts it. `make documents` makes the tables of
README.md and docs/ of that.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Final

from bench.capacity import VirtualModel, day, lived
from bot.llm.measured_days import BUSY_DAY, QUIET_DAY, MeasuredDay
from bot.llm.savings import ANSWER_TOKENS_A_SECOND, PROMPT_TOKENS_A_SECOND
from tests.fixtures.storage import NOW_MS, FakeClock

ROOT: Final = Path(__file__).parents[1]
CHAT: Final = ROOT / "bot/cli/sample/chat.jsonl"
FIGURES: Final = ROOT / "bot/llm/measured_days.py"

LOOK_MS: Final = 300_000
"""Between two looks for what is due; beside the hour that messages wait it hardly counts, and saves much time."""


def main() -> None:
    """Measure both days, and write them down."""
    text = FIGURES.read_text(encoding="utf-8")
    for name, before in (("QUIET_DAY", QUIET_DAY), ("BUSY_DAY", BUSY_DAY)):
        text = re.sub(
            rf"^{name} = .*$", f"{name} = {asyncio.run(measured(before.messages))!r}", text, flags=re.MULTILINE
        )
    FIGURES.write_text(text, encoding="utf-8")


async def measured(messages: int) -> MeasuredDay:
    """Let a channel have so many messages of the sample chat in a day; all of it at most."""
    lines = [json.loads(line) for line in CHAT.read_text(encoding="utf-8").splitlines()]
    clock = FakeClock(NOW_MS)
    model = VirtualModel(clock, PROMPT_TOKENS_A_SECOND, ANSWER_TOKENS_A_SECOND, spread=0.0)
    simulated = await lived(day(lines, messages, of_channel=messages), 1, model, look_ms=LOOK_MS)
    return MeasuredDay(messages, model.calls, model.prompt_tokens, model.answer_tokens, simulated.embedded_tokens)


if __name__ == "__main__":
    main()
