"""Rules of servers, lifetimes, audit trail, corrections, erasures asked for, and explicit consent.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Build what is new, and give choices a place for an explicit yes."""
    tables()
    consents()


def tables() -> None:
    """The new tables and their indexes."""
    op.create_table(
        "rules",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("consent", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_rules")),
        comment="What admins decided about whose messages and whose facts are kept; without a row the defaults hold",
    )
    op.create_table(
        "lifetimes",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", "kind", name=op.f("pk_lifetimes")),
        comment="How long memories of a kind are kept in a server; NULL is without limit, without a row the default "
        "holds",
    )
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit",
        sa.Column("seq", row_id, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
        comment="What was decided and erased: details are counts and settings as JSON, never content. actor_id is NULL "
        "for the operator, for members about themselves, and for admins who were erased.",
    )
    op.create_index("ix_audit_guild_id_seq", "audit", ["guild_id", "seq"])
    op.create_index("ix_audit_actor_id", "audit", ["actor_id"])
    op.create_table(
        "corrections",
        sa.Column("memory_id", sa.String(length=36), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("corrected_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("memory_id", name=op.f("pk_corrections")),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_corrections_memory_id_memories"), ondelete="CASCADE"
        ),
        comment="Who put a memory right; its text is in memories",
    )
    op.create_index("ix_corrections_author_id", "corrections", ["author_id"])
    op.create_table(
        "requests",
        sa.Column("seq", row_id, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_requests")),
        sqlite_autoincrement=True,
        comment="Erasures that the command line hands to the running bot; user_id goes when it is done",
    )
    op.create_index("ix_requests_state_seq", "requests", ["state", "seq"])


def consents() -> None:
    """Give choices a place for facts that nobody chose about, and for an opt-in that was said.

    Facts that were off stay off, for nobody knows any more whether that was chosen. Who opted in before did not know a
    rule that asks for it, and is asked again where a server has it. SQLite builds the table anew, so that it is
    written down as the program knows it.
    """
    comment = (
        "Choices of members by keyed hash; guild_id 0 means every server. opted_in counts where a server keeps only "
        "who opted in; facts is NULL where the member did not choose."
    )
    if op.get_context().dialect.name != "sqlite":
        op.add_column("consents", sa.Column("opted_in", sa.Boolean(), nullable=False, server_default=sa.false()))
        op.alter_column("consents", "opted_in", server_default=None)
        op.alter_column("consents", "facts", nullable=True, server_default=None)
        op.create_table_comment("consents", comment)
        return
    op.rename_table("consents", "consents_0001")
    op.create_table(
        "consents",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("opted_in", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.Boolean(), nullable=True),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "subject", name=op.f("pk_consents")),
        comment=comment,
    )
    op.execute(
        "INSERT INTO consents (guild_id, subject, opted_out, opted_in, facts, updated_ms) "
        "SELECT guild_id, subject, opted_out, false, facts, updated_ms FROM consents_0001"
    )
    op.drop_table("consents_0001")
