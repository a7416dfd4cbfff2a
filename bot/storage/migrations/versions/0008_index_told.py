"""On PostgreSQL every process learns at once of a vector index that is being filled, or that has taken over.

Revision ID: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_WHICH = "{}.value::jsonb - 'done' - 'done_messages'"
"""How far it is filled is written after each batch, and concerns nobody else."""


def upgrade() -> None:
    """Count and tell of it as of other changes (0006)."""
    if op.get_bind().dialect.name != "postgresql":
        return
    now, before = _WHICH.format("NEW"), _WHICH.format("OLD")
    op.execute(
        "CREATE TRIGGER tell_index AFTER UPDATE ON meta FOR EACH ROW WHEN ("
        f"CASE NEW.key WHEN 'index_generations' THEN ({now}) IS DISTINCT FROM ({before}) ELSE false END"
        ") EXECUTE FUNCTION channel_memory_changed()"
    )
