"""The tables, in the 2.0 style that SQLAlchemy 1.4 and 2.0 share."""

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
)

VERSION = 1
# "offc": tells our database from another program's.
APPLICATION_ID = 0x6F666663

metadata = MetaData()

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

# The newest one of each host; made when it is missing, since databases without it are as good.
observations = Table(
    "observations",
    metadata,
    Column("host", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("observed", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What happened, in the order in which it came in; made when it is missing, like the one above.
# The digest tells what a report says again from what it says first. No host: it is about the site.
events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True),
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
    Column("number", Integer, primary_key=True),
    Column("host", String(63), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("received", String(20), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("reports_of_host", "host", "number"),
    Index("reports_in_order", "host", "stream", "sequence", unique=True),
)
