"""What became of each proposal, for whoever tunes a model or a prompt; a running bot keeps none of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.remember.settler import statement_id

if TYPE_CHECKING:
    from bot.domain import Memory
    from bot.remember.propose import Proposal
    from bot.remember.statement import Judgement, Statement

KEPT = "kept"


class Explanations:
    """Writes a JSON object for each proposal: its lines, the exact checks, the verdict, and what became of it."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Explain to `write`, a line at a time."""
        self._write = write
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}

    def proposed(self, batch_id: str, proposal: Proposal, statement: Statement, refusal: str | None) -> None:
        """A model proposed a statement; `refusal` is why the exact checks refused it."""
        lines = [{"n": line.number, "message": str(line.message_id), "text": line.text} for line in proposal.lines]
        self._rows.setdefault(batch_id, {})[statement_id(batch_id, statement)] = {
            "proposed": proposal.text,
            "text": statement.text,
            "kind": statement.kind.value,
            "lines": lines,
            "supporting": [str(message_id) for message_id in statement.supporting],
            "exact": refusal or "passed",
            "verdict": None,
            "fate": refusal,
        }

    def judged(
        self,
        batch_id: str,
        statement: Statement,
        near: Sequence[Memory],
        judgement: Judgement | None,
        refusal: str | None,
    ) -> None:
        """A statement was judged beside the memories near it; `refusal` is why it is not kept."""
        row = self._rows.get(batch_id, {}).get(statement_id(batch_id, statement))
        if row is None:
            return
        row["near"] = [memory.text for memory in near]
        row["fate"] = row["fate"] or refusal or KEPT
        if judgement is not None:
            texts = {memory.id: memory.text for memory in near}
            row["verdict"] = {
                "said": judgement.said,
                "lasting": judgement.lasting,
                "private": judgement.private,
                "relation": judgement.relation.value,
                "memory": [texts[memory_id] for memory_id in judgement.related if memory_id in texts],
            }

    def applied(self, batch_id: str, fates: Mapping[str, str]) -> None:
        """A batch was applied; what became of its statements, by the ids that they were to have."""
        for memory_id, row in self._rows.pop(batch_id, {}).items():
            self._write(json.dumps(row | {"fate": fates.get(memory_id, row["fate"])}, ensure_ascii=False))
