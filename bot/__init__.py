"""Channel Memory: a Discord bot that remembers what was said in the channels where it may listen."""

from __future__ import annotations

import os

__version__ = "0.1.0"

os.environ["MEM0_TELEMETRY"] = "False"  # whatever imports mem0 first: it reads this when it is imported
