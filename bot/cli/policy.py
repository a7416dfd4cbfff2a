"""`python -m bot policy`: PRIVACY.md for the settings in force."""

from __future__ import annotations

from bot.cli.start import load
from bot.guilds import policy_of


def policy() -> None:
    """Print the privacy policy that follows from the settings (PRIVACY.md)."""
    print(policy_of(load(quiet=True)).document(), end="")
