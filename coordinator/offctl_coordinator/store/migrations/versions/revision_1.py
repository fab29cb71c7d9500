"""The first tables: releases, reports, what hosts observed."""

from alembic import op
import sqlalchemy as sa

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "meta",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO meta (name, value) VALUES ('schema', '1')")
    op.create_table(
        "bundles",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("serial", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("published", sa.String(20), nullable=False),
        sa.Column("operator", sa.String(63), nullable=False),
    )
    op.create_table(
        "release_hosts",
        sa.Column("serial", sa.BigInteger, sa.ForeignKey("releases.serial"), primary_key=True),
        sa.Column("host", sa.String(63), primary_key=True),
        sa.Column(
            "bundle_sha256",
            sa.String(64),
            sa.ForeignKey("bundles.sha256", ondelete="SET NULL"),
            index=True,
        ),
    )
    _make_reports()


def _make_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("host", sa.String(63), nullable=False),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("received", sa.String(20), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("reports_of_host", "reports", ["host", "number"])
    op.create_index("reports_in_order", "reports", ["host", "stream", "sequence"], unique=True)
