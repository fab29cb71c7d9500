"""Several coordinators: what they tell one another, and the row that is their lock."""

from alembic import op
import sqlalchemy as sa

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the tables; `observations` and `events` were made when they were missing."""
    connection = op.get_bind()
    if not sa.inspect(connection).has_table("observations"):
        op.create_table(
            "observations",
            sa.Column("host", sa.String(63), primary_key=True),
            sa.Column("sha256", sa.String(64), nullable=False),
            sa.Column("observed", sa.String(20), nullable=False),
            sa.Column("content", sa.LargeBinary, nullable=False),
        )
    if not sa.inspect(connection).has_table("events"):
        _make_events()
    op.create_table(
        "spells",
        sa.Column("host", sa.String(63), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("last", sa.String(27), nullable=False),
        sa.Column("gap", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "contacts",
        sa.Column("host", sa.String(63), primary_key=True),
        sa.Column("contacted", sa.String(20), nullable=False),
    )
    op.create_table(
        "trust_roots",
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )
    op.execute(
        "INSERT INTO meta (name, value) SELECT 'rollout', '' "
        "WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'rollout')"
    )
    op.execute("UPDATE meta SET value = '2' WHERE name = 'schema'")


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("host", sa.String(63), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("received", sa.String(20), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("events_of_host", "events", ["host", "number"])
    op.create_index("events_once", "events", ["host", "digest"], unique=True)
