"""The trust root: whose signatures count, and which certificates speak for whom.

An operator writes trust.toml by hand (or has `offctl trust new` write it) and puts the same file
on every machine. It is TOML so that a person can compare two of them by eye.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import tomli_w

from offctl import certificates, errors, toml
from offctl.desired import names
from offctl.tables import MAX_INTEGER, Table
from offctl.trust.keys import PublicKey

# Of an envelope in which a trust root is signed by its predecessor's keys; see trust.rotation.
PAYLOAD_TYPE = "application/vnd.offctl.trust.v1+toml"
SCHEMA = 1
MAX_TRUST_ROOT = 512 * 1024

_HEADER = b"# offctl trust root: whose signatures count. The same file on every machine.\n"


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """Who may sign releases (`threshold` of `release_keys`), timestamps, and who connects as what.

    Names are for people; a key or certificate stands under one name only. `coordinators` and
    `operators` pair a name with a PEM certificate. The constructor raises MalformedError.
    """

    version: int
    site: str
    expires: datetime
    release_keys: tuple[tuple[str, PublicKey], ...]
    threshold: int
    timestamp_key: PublicKey
    coordinators: tuple[tuple[str, str], ...] = ()
    operators: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_range("version", self.version, MAX_INTEGER)
        names.checked(self.site, names.NAME, "site name")
        _check_names(self.release_keys)
        _check_names(self.coordinators)
        _check_names(self.operators)
        keyids = [key.keyid for _, key in self.release_keys]
        # One key under two names would let its owner meet a threshold of two alone.
        names.refuse_twice("release key", keyids)
        # A threshold of 0 accepts anything, one above the number of keys nothing, ever.
        _check_range("threshold", self.threshold, len(keyids))
        # The timestamp key lives on the coordinator, which must never be able to sign state.
        names.refuse_twice("key for releases and timestamps", [*keyids, self.timestamp_key.keyid])
        object.__setattr__(self, "coordinators", _canonical(self.coordinators))
        object.__setattr__(self, "operators", _canonical(self.operators))
        # A certificate is who a caller is, so it cannot be two of them.
        names.refuse_twice(
            "certificate",
            [certificates.fingerprint(pem) for _, pem in (*self.coordinators, *self.operators)],
        )


def parse(content: bytes) -> TrustRoot:
    """Read trust.toml; raises MalformedError. It is believed because of where it lies."""
    table = toml.parse(content, what="the trust root", limit=MAX_TRUST_ROOT)
    table.integer("schema", least=SCHEMA, most=SCHEMA)
    root = TrustRoot(
        version=table.integer("version", least=1),
        site=table.matching("site", names.NAME),
        expires=table.time("expires"),
        release_keys=tuple(
            (name, PublicKey.parse(text)) for name, text in table.string_map("release_keys")
        ),
        threshold=table.integer("threshold", least=1),
        timestamp_key=PublicKey.parse(table.string("timestamp_key")),
        coordinators=tuple(_read_certificates(table, "coordinators")),
        operators=tuple(_read_certificates(table, "operators")),
    )
    table.finish()
    return root


def dump(root: TrustRoot) -> bytes:
    """The text that `parse` reads, the same bytes for equal roots."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": root.version,
        "site": root.site,
        "expires": root.expires,
        "threshold": root.threshold,
        "timestamp_key": root.timestamp_key.text,
        "release_keys": {name: key.text for name, key in root.release_keys},
        "coordinators": {name: {"certificate": pem} for name, pem in root.coordinators},
        "operators": {name: {"certificate": pem} for name, pem in root.operators},
    }
    kept = {key: value for key, value in document.items() if value != {}}
    return _HEADER + tomli_w.dumps(kept, multiline_strings=True).encode()


def _read_certificates(table: Table, key: str) -> Iterable[tuple[str, str]]:
    for name, item in table.named_tables(key):
        yield name, item.string("certificate")
        item.finish()


def _check_names(entries: Iterable[tuple[str, object]]) -> None:
    names.refuse_twice("name", [names.checked(name, names.NAME, "name") for name, _ in entries])


def _canonical(entries: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, certificates.check(pem)) for name, pem in entries)


def _check_range(what: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise errors.MalformedError(
            f"cannot use trust root: {what} is {value}, not between 1 and {most}"
        )
