"""Identities of hosts in a site's files: one small file for each, written and removed whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from offctl import certificates, errors, files, toml
from offctl_cli.site import load, source
from offctl_cli.site.finding import Severity

DIRECTORY = "identities"
LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """What `offctl-agent init` prints; both parts are checked and canonical."""

    certificate: str
    tunnel_key: str

    @property
    def fingerprint(self) -> str:
        """Of the certificate, as status and logs show it."""
        return certificates.fingerprint(self.certificate)


@dataclass(frozen=True, slots=True)
class Present:
    """An identity that the site has: where, and what, unless that cannot be read."""

    place: str
    file: Path
    identity: Identity | None


Known = Mapping[str, Present]


def parse(content: bytes, name: str) -> Identity:
    """The identity of host `name` in the printed lines; raises MalformedError or AuthorError."""
    table = toml.parse(content, what="the lines of the host", limit=LIMIT)
    hosts = dict(table.named_tables("hosts"))
    table.finish()
    if set(hosts) != {name}:
        raise errors.AuthorError(
            f"cannot add host {name}: the lines are of {', '.join(sorted(hosts)) or 'no host'}",
            hint="run `offctl-agent init` on that host again; it prints the same lines each time",
        )
    inner = hosts[name].table("identity")
    hosts[name].finish()
    found = Identity(
        certificates.check(inner.string("certificate")),
        certificates.check_tunnel_key(inner.string("tunnel_key")),
    )
    inner.finish()
    return found


def known(site: Path) -> Known:
    """Every identity in the site's text. Raises AdminError without a site.toml."""
    read = source.read(site)
    hosts = read.tables.get("hosts")
    found = {}
    for name, host in (hosts if isinstance(hosts, dict) else {}).items():
        if isinstance(host, dict) and "identity" in host:
            place = read.places.get(("hosts", name, "identity"), read.whole)
            found[name] = Present(str(place), Path(place.file), _read(host["identity"]))
    return found


def described(site: Path) -> frozenset[str]:
    """The hosts of which the site says more than who they are."""
    hosts = source.read(site).tables.get("hosts")
    return frozenset(
        name
        for name, host in (hosts if isinstance(hosts, dict) else {}).items()
        if isinstance(host, dict) and set(host) - {"identity"}
    )


def put(site: Path, name: str, identity: Identity, present: Present | None) -> Path:
    """Write the identity's file; raises AuthorError, having changed nothing, when it does not fit.

    `present` is what it replaces.
    """
    root = _root(site)
    file = root / DIRECTORY / f"{name}.toml"
    before = files.read(file, limit=LIMIT)
    if present is not None:
        _check_own(present, file, name)
    elif before is not None:
        raise errors.AuthorError(
            f"cannot add host {name}: {file} is there, but the site does not include it",
            hint=f'have "{DIRECTORY}/*.toml" in `include` of {root / source.ENTRY}',
        )
    wrong_before = _errors(site)
    content = _text(name, identity)
    files.make_directory(file.parent)
    files.write(file, content)
    complaint = _complaint(site, name, identity, wrong_before)
    if complaint is not None:
        if before is None:
            files.remove(file)
        else:
            files.write(file, before)
        raise complaint
    return file


def take_out(site: Path, name: str, present: Present) -> Path:
    """Remove the identity's file; raises AuthorError when it stands somewhere else."""
    file = _root(site) / DIRECTORY / f"{name}.toml"
    _check_own(present, file, name)
    files.remove(file)
    return file


def _root(site: Path) -> Path:
    return site.parent if site.name.endswith(".toml") and not site.is_dir() else site


def _check_own(present: Present, file: Path, name: str) -> None:
    """Only a file that holds this and nothing else is ours to replace or remove."""
    try:
        content = files.require(file, limit=LIMIT) if present.file.samefile(file) else b""
        parse(content, name)
    except (errors.OffctlError, OSError):
        raise errors.AuthorError(
            f"cannot change the identity of {name}: it is written at {present.place}, "
            f"not alone in {file}",
            hint="edit it there",
        ) from None


def _complaint(
    site: Path, name: str, identity: Identity, before: frozenset[str]
) -> errors.AuthorError | None:
    root = _root(site)
    if name not in known(site):
        return errors.AuthorError(
            f"cannot add host {name}: the site does not include {DIRECTORY}/{name}.toml",
            hint=f'add "{DIRECTORY}/*.toml" to `include` in {root / source.ENTRY}',
        )
    new = sorted(_errors(site) - before)
    if new or known(site)[name].identity != identity:
        return errors.AuthorError(
            f"cannot add host {name}: the site would be wrong: {new[0] if new else 'unreadable'}",
            hint=f"write [hosts.{name}] first; `offctl check` says what is missing",
        )
    return None


def _errors(site: Path) -> frozenset[str]:
    findings = load.compile_site(site).findings
    return frozenset(str(each) for each in findings if each.severity is Severity.ERROR)


def _read(value: object) -> Identity | None:
    if not isinstance(value, dict):
        return None
    try:
        return Identity(
            certificates.check(str(value.get("certificate", ""))),
            certificates.check_tunnel_key(str(value.get("tunnel_key", ""))),
        )
    except errors.MalformedError:
        return None


def _text(name: str, identity: Identity) -> bytes:
    values = {"tunnel_key": identity.tunnel_key, "certificate": identity.certificate}
    document = {"hosts": {name: {"identity": values}}}
    return tomli_w.dumps(document, multiline_strings=True).encode()
