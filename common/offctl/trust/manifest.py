"""The manifest: the one signed document of a release, which names every host's bundle by hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import tomli_w

from offctl import errors, toml
from offctl.desired import bundle, consents, names
from offctl.tables import MAX_INTEGER, Table

PAYLOAD_TYPE = "application/vnd.offctl.manifest.v1+toml"
SCHEMA = 1
MAX_MANIFEST = 4 * 1024 * 1024

SHA256 = names.SHA256


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One host of a release: the hash and length of its bundle, and who the host is.

    `identity` is the sha256 of the DER of its pinned certificate, in hexadecimal; empty while the
    host has none. Hosts of a lower `wave` go first, and must have been right for `soak` seconds
    before the next wave does.
    """

    host: str
    sha256: str
    length: int
    identity: str = ""
    wave: int = 1
    soak: int = 0

    def __post_init__(self) -> None:
        names.checked(self.host, names.NAME, "host name")
        names.checked(self.sha256, SHA256, "sha256")
        if self.identity:
            names.checked(self.identity, SHA256, "identity")
        check_range("length", self.length, bundle.MAX_BUNDLE)
        check_range("wave", self.wave, consents.MAX_WAVE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A release without its bundles. `hosts` is at least one, and comes out sorted by name."""

    site: str
    serial: int
    created: datetime
    expires: datetime
    hosts: tuple[HostEntry, ...]

    def __post_init__(self) -> None:
        names.checked(self.site, names.NAME, "site name")
        check_range("serial", self.serial, MAX_INTEGER)
        check_times(self.created, self.expires)
        if not self.hosts:
            raise errors.MalformedError("cannot use manifest: it names no host")
        in_order = tuple(sorted(self.hosts, key=lambda entry: entry.host))
        object.__setattr__(self, "hosts", in_order)
        names.refuse_twice("host", [entry.host for entry in self.hosts])
        # The certificate is who a caller is; two hosts with one could take each other's bundle.
        names.refuse_twice("identity", [entry.identity for entry in self.hosts if entry.identity])

    def entry(self, host: str) -> HostEntry | None:
        """The entry of `host`; None when the release does not name it."""
        return next((entry for entry in self.hosts if entry.host == host), None)


def parse(content: bytes) -> Manifest:
    """Read a manifest; raises MalformedError. The bytes must have been verified before."""
    table = toml.parse(content, what="the manifest", limit=MAX_MANIFEST)
    table.integer("schema", least=SCHEMA, most=SCHEMA)
    manifest = Manifest(
        site=table.matching("site", names.NAME),
        serial=table.integer("serial", least=1),
        created=table.time("created"),
        expires=table.time("expires"),
        hosts=tuple(_read_hosts(table)),
    )
    table.finish()
    return manifest


def dump(manifest: Manifest) -> bytes:
    """The text that `parse` reads, the same bytes for equal manifests."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "site": manifest.site,
        "serial": manifest.serial,
        "created": manifest.created,
        "expires": manifest.expires,
        "hosts": {entry.host: _entry_values(entry) for entry in manifest.hosts},
    }
    return tomli_w.dumps(document).encode()


def check_range(what: str, value: int, most: int) -> None:
    """Refuse what is not between 1 and `most`; raises MalformedError."""
    if not 1 <= value <= most:
        raise errors.MalformedError(f"cannot use {what} {value}: not between 1 and {most}")


def check_times(created: datetime, expires: datetime) -> None:
    """Refuse a life that ends before it begins; raises MalformedError."""
    if not created < expires:
        raise errors.MalformedError(
            f"cannot use times: created {created:%Y-%m-%dT%H:%M:%SZ} is not before "
            f"expires {expires:%Y-%m-%dT%H:%M:%SZ}"
        )


def _entry_values(entry: HostEntry) -> dict[str, Any]:
    values: dict[str, Any] = {"sha256": entry.sha256, "length": entry.length, "wave": entry.wave}
    values |= {"soak": entry.soak} if entry.soak else {}
    return {**values, "identity": entry.identity} if entry.identity else values


def _read_hosts(table: Table) -> Iterator[HostEntry]:
    for host, item in table.named_tables("hosts"):
        yield HostEntry(
            host=host,
            sha256=item.matching("sha256", SHA256),
            length=item.integer("length", least=1),
            identity=item.matching("identity", SHA256, ""),
            wave=item.integer("wave", least=1),
            soak=item.integer("soak", 0, most=consents.MAX_SOAK),
        )
        item.finish()
