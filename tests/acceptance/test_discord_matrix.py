"""Discord's REST and its gateway, every way to fail, everything that is done meanwhile, against the real process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.acceptance.community import DECISIONS, plain
from tests.acceptance.stores import canary
from tests.acceptance.test_crashes import decide, everything_settled, memories, settle
from tests.fixtures.process import Stage
from tests.loopback.discord_interactions import Asked
from tests.loopback.discord_world import Member

EVERYTHING = "*"  # every REST route
SERVICES = ("rest", "gateway")
FAULTS = ("refuses", "hangs", "429", "500", "cuts", "garbage")
CLOSED_FOR_RATE_LIMIT = 4008
CLOSED_FOR_UNKNOWN_ERROR = 4000


async def break_rest(stage: Stage, fault: str) -> None:
    faults = stage.discord.faults
    match fault:
        case "refuses":
            await stage.discord.go_down()
        case "hangs":
            faults.hang(EVERYTHING, times=None)
        case "429":
            faults.rate_limit(EVERYTHING, 0.3, times=None)
        case "500":
            faults.status(EVERYTHING, 500, times=None)
        case "cuts":
            faults.cut(EVERYTHING, times=None)
        case "garbage":
            faults.garbage(EVERYTHING, times=None)


async def break_gateway(stage: Stage, fault: str) -> None:
    gateway = stage.discord.gateway
    match fault:
        case "refuses":
            gateway.refusals = 3
            gateway.drop()
        case "hangs":
            gateway.hold()
        case "429":
            await gateway.close(CLOSED_FOR_RATE_LIMIT)
        case "500":
            await gateway.close(CLOSED_FOR_UNKNOWN_ERROR)
        case "cuts":
            gateway.drop()
        case "garbage":
            await gateway.garble()


async def heal(stage: Stage) -> None:
    stage.discord.gateway.refusals = 0
    stage.discord.gateway.go_on()
    stage.discord.faults.clear()
    await stage.discord.come_up()


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
async def test_nothing_is_lost_and_nothing_is_doubled(stage: Stage, service: str, fault: str) -> None:
    general, help_, ada, ben = await settle(stage, FLUSH_INTERVAL_SECONDS="1")
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    decided = decide(general, ada, (0, 1))
    await everything_settled(stage, general, help_)
    forgotten, purpose = decided[0], f"The {canary()} is kept on purpose."

    def ask(member: Member, name: str, **options: str) -> Asked:
        return stage.discord.command(member, general, name, **options)

    async def forget() -> None:
        with suppress(TimeoutError, LookupError):  # it may be answered never, or by a fault
            stage.discord.press(ada, await ask(ada, "forget memory", memory=forgotten).answer(within=10), "Forget it")

    forgetting = list[asyncio.Future[None]]()
    doing: dict[str, Callable[[], object]] = {
        "intake": lambda: decided.extend(decide(help_, ben, (2, 3))),
        "flush": lambda: ask(ada, "memory flush"),
        "recall": lambda: ask(ben, "recall", query=DECISIONS[1]),
        "remember": lambda: ask(ben, "remember", text=purpose),
        "forget": lambda: forgetting.append(asyncio.ensure_future(forget())),
    }
    await (break_rest if service == "rest" else break_gateway)(stage, fault)
    for do in doing.values():
        do()
        await asyncio.sleep(0.4)
    stage.bot.check()
    await heal(stage)

    async def answered() -> bool:
        stage.bot.check()
        with suppress(TimeoutError):
            return bool(plain(await ask(ada, "recall", query=DECISIONS[0]).answer(within=10)))
        return False

    for _ in range(6):
        if await answered():
            break
    else:
        pytest.fail(f"no command is answered any more:\n{stage.bot.logs()[-3000:]}")
    await asyncio.gather(*forgetting)
    await everything_settled(stage, general, help_)
    kept = memories(stage.bot)
    assert set(kept.values()) == {1}
    assert set(decided) - {forgotten} <= kept.keys() <= {*decided, purpose}
    assert "Traceback" not in "".join(plain(message) for message in general.messages)
