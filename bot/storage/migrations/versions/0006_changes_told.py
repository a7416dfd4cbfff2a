"""On PostgreSQL every process learns at once of choices of members, rules of servers and decisions on channels.

Revision ID: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

_TELL = """
CREATE FUNCTION channel_memory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO meta (key, value) VALUES ('changes', '1')
    ON CONFLICT (key) DO UPDATE SET value = (meta.value::bigint + 1)::text;
    PERFORM pg_notify('channel_memory', '');
    RETURN NULL;
END $$
"""
_WHOLE = ("consents", "rules", "lifetimes")
_DECISION = "guild_id, parent_id, observed, observed_from, decided_ms, notice_message_id"


def upgrade() -> None:
    """Count and tell each change, in its own transaction; checkpoints and names of threads are none."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(_TELL)
    does = "FOR EACH STATEMENT EXECUTE FUNCTION channel_memory_changed()"
    for table in _WHOLE:
        op.execute(f"CREATE TRIGGER tell_changes AFTER INSERT OR UPDATE OR DELETE ON {table} {does}")
    for event, row in (("INSERT", "NEW"), (f"UPDATE OF {_DECISION}", "NEW"), ("DELETE", "OLD")):
        op.execute(
            f"CREATE TRIGGER tell_{event.split()[0].lower()} AFTER {event} ON channels FOR EACH ROW "
            f"WHEN ({row}.observed IS NOT NULL) EXECUTE FUNCTION channel_memory_changed()"
        )
