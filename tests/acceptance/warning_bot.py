"""The bot, which looks every second at what admins are warned of: `python -m tests.acceptance.warning_bot STEP`.

It dies by SIGKILL when it reaches STEP; without one it lives.
"""

from __future__ import annotations

import asyncio
import sys

from bot.cli.start import load
from bot.domain import no_step
from bot.run.life import live
from bot.settings.loading import check_for_run
from cogs.warnings import WarningsCog
from tests.acceptance.stepping_bot import Deadly

SECONDS = 1.0


def main(step: str | None = None) -> None:
    """Run the bot."""
    load_cog = WarningsCog.cog_load

    async def load_quick(cog: WarningsCog) -> None:
        cog._seconds = SECONDS
        await load_cog(cog)

    WarningsCog.cog_load = load_quick  # type: ignore[method-assign, assignment]
    settings = load()
    check_for_run(settings)
    asyncio.run(live(settings, no_step if step is None else Deadly(step, 1)))


if __name__ == "__main__":
    main(*sys.argv[1:])
