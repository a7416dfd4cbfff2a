"""What waits for extraction is found without reading the messages, and processes learn what the index is to hold.

Revision ID: 0009
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

_WANTED = "{}.value::jsonb -> 'wanted'"


def upgrade() -> None:
    """Index what waits, with all that is asked of it; count and tell as in 0008 whether the index holds messages."""
    pending = text("state = 'pending'")
    op.create_index(
        "ix_messages_pending",
        "messages",
        ["state", "channel_id", "guild_id", "logged_ms"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    now, before = _WANTED.format("NEW"), _WANTED.format("OLD")
    does = "EXECUTE FUNCTION channel_memory_changed()"
    op.execute(f"CREATE TRIGGER tell_held AFTER INSERT ON meta FOR EACH ROW WHEN (NEW.key = 'message_vectors') {does}")
    op.execute(
        "CREATE TRIGGER tell_held_anew AFTER UPDATE ON meta FOR EACH ROW WHEN ("
        f"CASE NEW.key WHEN 'message_vectors' THEN ({now}) IS DISTINCT FROM ({before}) ELSE false END) {does}"
    )
