"""Discord's own failures, against the real process: history that can't be read, answers that can't be given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.community import plain
from tests.acceptance.stores import canary, logged, said_by_people
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually

HISTORY = "GET /channels/*/messages"
ANSWERS = "* /webhooks/*"

Break = Callable[[Stage, str], None]
FAULTS: dict[str, Break] = {
    "429": lambda stage, route: stage.discord.faults.rate_limit(route, 0.5, times=3),
    "429 everywhere": lambda stage, route: stage.discord.faults.rate_limit(route, 0.5, times=2, everywhere=True),
    "500": lambda stage, route: stage.discord.faults.status(route, 500, times=2),
    "cuts": lambda stage, route: stage.discord.faults.cut(route, times=2),
    "forbidden": lambda stage, route: stage.discord.faults.status(route, 403, times=1),
}


@pytest.mark.slow
async def test_whatever_happens_to_reading_back_everything_is_there_in_the_end(stage: Stage) -> None:
    general, ada = await stage.without_model()
    for fault, breaks in FAULTS.items():
        sessions = len(stage.discord.gateway.identifies)
        breaks(stage, HISTORY)
        await stage.discord.gateway.invalidate()
        for number in range(120):
            general.say(ada, f"Said to nobody while history is {fault}, number {number}.")

        def back(before: int = sessions) -> bool:
            stage.bot.check()
            return len(stage.discord.gateway.identifies) > before

        await eventually(back, within=30, what="a new session")
        general.say(ada, f"Said after {fault}.")
        await eventually(
            lambda: logged(stage.bot.database, general) == said_by_people(general),
            within=60,
            what=f"every message after {fault}",
        )
        stage.discord.faults.clear()
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
async def test_an_answer_that_discord_does_not_take_harms_nothing_and_the_next_one_comes(stage: Stage) -> None:
    general, ada = await stage.without_model()
    word = canary()
    general.say(ada, f"The {word} is behind the door.")
    await eventually(lambda: logged(stage.bot.database, general) == said_by_people(general), within=20)
    for breaks in (FAULTS["429"], FAULTS["500"]):
        breaks(stage, ANSWERS)
        assert word in plain(await stage.discord.command(ada, general, "recall", query=word).answer(within=30))
        stage.discord.faults.clear()
    stage.discord.faults.status(ANSWERS, 403, times=2)
    stage.discord.command(ada, general, "recall", query=word)
    await eventually(lambda: stage.discord.requests_to(ANSWERS), within=20)
    stage.discord.faults.clear()
    remembered = await stage.discord.command(ada, general, "remember", text=f"Look behind the {word}.").answer(
        within=20
    )
    assert "Remembered" in plain(remembered)
    assert "Traceback" not in stage.bot.logs()
