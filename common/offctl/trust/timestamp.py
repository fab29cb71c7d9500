"""The timestamp: the coordinator's word that a release is the current one, good for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import tomli_w

from offctl import errors, toml
from offctl.desired import names
from offctl.tables import MAX_INTEGER
from offctl.trust import envelope
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import SHA256, check_range, check_times

PAYLOAD_TYPE = "application/vnd.offctl.timestamp.v1+toml"
SCHEMA = 1
MAX_TIMESTAMP = 4 * 1024
LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """`sha256` is that of the manifest, the payload of its envelope, in hexadecimal."""

    site: str
    serial: int
    sha256: str
    created: datetime
    expires: datetime

    def __post_init__(self) -> None:
        names.checked(self.site, names.NAME, "site name")
        check_range("serial", self.serial, MAX_INTEGER)
        names.checked(self.sha256, SHA256, "sha256")
        check_times(self.created, self.expires)
        # Whoever steals the coordinator's key must not be able to hide news for longer.
        if self.expires - self.created > LIFETIME:
            raise errors.MalformedError(
                f"cannot use timestamp: it lives {self.expires - self.created}, "
                f"longer than {LIFETIME}"
            )


def sign(timestamp: Timestamp, key: SecretKey) -> bytes:
    """The timestamp in an envelope, ready to be served."""
    values = {
        "schema": SCHEMA,
        "site": timestamp.site,
        "serial": timestamp.serial,
        "sha256": timestamp.sha256,
        "created": timestamp.created,
        "expires": timestamp.expires,
    }
    return envelope.sign(PAYLOAD_TYPE, tomli_w.dumps(values).encode(), [key])


def parse(content: bytes) -> Timestamp:
    """Read a timestamp's payload; raises MalformedError. It must have been verified before."""
    table = toml.parse(content, what="the timestamp", limit=MAX_TIMESTAMP)
    table.integer("schema", least=SCHEMA, most=SCHEMA)
    timestamp = Timestamp(
        site=table.matching("site", names.NAME),
        serial=table.integer("serial", least=1),
        sha256=table.matching("sha256", SHA256),
        created=table.time("created"),
        expires=table.time("expires"),
    )
    table.finish()
    return timestamp
