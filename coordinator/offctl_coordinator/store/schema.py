"""The tables, in the 2.0 style that SQLAlchemy 1.4 and 2.0 share.

A change of them is a new VERSION, and a revision of that number in `migrations/versions` that makes
it of the one before; a test compares the two ways.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    select,
)
from sqlalchemy.engine import Connection

VERSION = 2
# The one text that is decided about: how far the rollout is. Its row is also the lock that makes
# one decider of many.
ROLLOUT = "rollout"
# "offc": tells our database from another program's.
APPLICATION_ID = 0x6F666663

metadata = MetaData()
# Alembic's own table, which it would not have among ours.
_revisions = MetaData()
_revision = Table(
    "alembic_version", _revisions, Column("version_num", String(32), primary_key=True)
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

# Content is kept once for each hash: most hosts do not change from release to release.
bundles = Table(
    "bundles",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("published", String(20), nullable=False),
    Column("operator", String(63), nullable=False),
)

# The hash becomes null when the content of an old release is pruned.
release_hosts = Table(
    "release_hosts",
    metadata,
    Column("serial", ForeignKey("releases.serial"), primary_key=True),
    Column("host", String(63), primary_key=True),
    Column("bundle_sha256", ForeignKey("bundles.sha256", ondelete="SET NULL"), index=True),
)

# The newest one of each host.
observations = Table(
    "observations",
    metadata,
    Column("host", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("observed", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What happened, in the order in which it came in.
# The digest tells what a report says again from what it says first. No host: it is about the site.
events = Table(
    "events",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("host", String(63), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("received", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("events_of_host", "host", "number"),
    Index("events_once", "host", "digest", unique=True),
)

reports = Table(
    "reports",
    metadata,
    # SQLite counts only what it calls INTEGER, which has 64 bits there.
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("host", String(63), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("received", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("reports_of_host", "host", "number"),
    Index("reports_in_order", "host", "stream", "sequence", unique=True),
)

# For how long a host has been right with one release: two coordinators hear one half each.
spells = Table(
    "spells",
    metadata,
    Column("host", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("since", String(27), nullable=False),
    Column("last", String(27), nullable=False),
    Column("gap", BigInteger, nullable=False),
)

# When a host last called, whichever coordinator; written now and then.
contacts = Table(
    "contacts",
    metadata,
    Column("host", String(63), primary_key=True),
    Column("contacted", String(20), nullable=False),
)

# What carries a published trust root from one coordinator to the others; each keeps it on its own
# disk as well.
trust_roots = Table(
    "trust_roots",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("envelope", LargeBinary, nullable=False),
)


def make(connection: Connection) -> None:
    """All tables in an empty database, of this version."""
    metadata.create_all(connection)
    _revisions.create_all(connection)
    connection.execute(_revision.insert().values(version_num=str(VERSION)))
    connection.execute(
        meta.insert(), [{"name": "schema", "value": str(VERSION)}, {"name": ROLLOUT, "value": ""}]
    )


def version(connection: Connection) -> str:
    """The version of the tables in a database that has some of ours; empty for none."""
    found = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
    return str(found or "")
