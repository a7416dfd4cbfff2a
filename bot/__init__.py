"""Channel Memory: a Discord bot that remembers what was said in the channels where it may listen."""

from __future__ import annotations

__version__ = "0.1.0"
