"""How many messages stand in one model call with what they answer: `python -m bench.stretches DATA [--batch 100]`.

DATA is a folder with `messages.jsonl` and `replies.json`, a list of pairs of message ids (the earlier one, and the one
that answers it) as people annotated them. The messages are cut into stretches a batch at a time, as a flush does.
Prints one JSON object. A pair counts where both of its messages are in one stretch; lines that are shown before it
don't.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.domain.model import Message
from bot.observe.exports import open_export
from bot.remember.stretches import likely_tokens, stretches


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with messages.jsonl and replies.json")
    parser.add_argument("--batch", type=int, default=100, help="messages that are flushed at once")
    arguments = parser.parse_args()
    said = [exported.message for exported in open_export(arguments.data / "messages.jsonl")]
    pairs = [(int(a), int(b)) for a, b in json.loads((arguments.data / "replies.json").read_text(encoding="utf-8"))]
    json.dump(figures(said, pairs, arguments.batch), sys.stdout, indent=1)
    print()


def figures(said: Sequence[Message], pairs: Sequence[tuple[int, int]], batch: int) -> dict[str, object]:
    """The share of pairs in one stretch, and what the stretches are like."""
    cut = [stretch for start in range(0, len(said), batch) for stretch in stretches(said[start : start + batch])]
    place = {message.id: number for number, stretch in enumerate(cut) for message in stretch}
    known = [(one, other) for one, other in pairs if one in place and other in place]
    together = sum(place[one] == place[other] for one, other in known)
    return {
        "pairs": len(known),
        "in one stretch": round(together / max(1, len(known)), 3),
        "stretches": len(cut),
        "messages a stretch, most": max(map(len, cut), default=0),
        "tokens a stretch, most, estimated": max((sum(map(likely_tokens, stretch)) for stretch in cut), default=0),
    }


if __name__ == "__main__":
    main()
