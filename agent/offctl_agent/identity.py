"""Making a host's identity: its TLS certificate and key, its tunnel key, and its agent.toml."""

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from offctl import certificates, errors, files
from offctl.desired import names
from offctl_agent import config as configs
from offctl_agent.state import State

MAX_KEY = 16 * 1024


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and the lines that go into the site."""

    config: Path
    lines: str


CERTIFICATE, TUNNEL_KEY = "certificate", "tunnel-key"


def make(
    path: Path,
    *,
    host: str,
    coordinators: tuple[str, ...],
    simulated: str,
    replace: tuple[str, ...] = (),
) -> Made:
    """Make agent.toml at `path` and the host's keys beside it; an existing file is kept.

    Secret keys are 0600 from their first system call. Raises AdminError; running it again finishes
    what an interrupted run left, and replaces no key but those that `replace` names.
    """
    names.checked(host, names.NAME, "host name")
    for address in coordinators:
        names.checked(address, configs.ADDRESS, "coordinator address")
    files.make_directory(path.parent)
    if not path.exists():
        files.create(path, _config(path, host, coordinators, simulated), mode=files.READABLE)
    config = configs.load(path)
    if config.host != host:
        raise errors.AdminError(
            f"cannot make the identity of {host!r}: {path} is for host {config.host!r}",
            hint=f"use --host {config.host}, or another --config",
        )
    if coordinators and coordinators != config.coordinators:
        raise errors.AdminError(
            f"cannot set the coordinators: {path} names {', '.join(config.coordinators) or 'none'}",
            hint="edit `coordinators` in that file, or leave --coordinator out",
        )
    if CERTIFICATE in replace and config.certificate_key.exists():
        _replace_certificate(config, host)
    if TUNNEL_KEY in replace and config.tunnel_key.exists():
        files.write(config.tunnel_key, certificates.generate_tunnel_key()[1], mode=files.PRIVATE)
    return Made(path, _lines(host, _certificate(config, host), _tunnel_key(config)))


def known(config: configs.Config) -> str:
    """The lines for the site of keys that are there; empty while there are none. Makes nothing."""
    certificate = files.read(config.certificate, limit=certificates.MAX_CERTIFICATE)
    key = files.read(config.tunnel_key, limit=MAX_KEY)
    if certificate is None or key is None:
        return ""
    return _lines(config.host, certificates.check(certificate), certificates.tunnel_key_of(key))


def _config(path: Path, host: str, coordinators: tuple[str, ...], simulated: str) -> bytes:
    values: dict[str, object] = {
        "host": host,
        "coordinators": list(coordinators),
        "interval": configs.DEFAULT_INTERVAL,
    }
    if simulated:
        values["simulated"] = simulated
    if simulated and path != configs.DEFAULT:
        # Everything of a simulated host stays beside its configuration; but the one that the units
        # look after may write where they may.
        values |= {"state": "state", "runtime": "run"}
    return (
        b"# One host's agent and courier; see offctl-agent(8).\n" + tomli_w.dumps(values).encode()
    )


def _certificate(config: configs.Config, host: str) -> str:
    """The host's certificate. A key that is there is never replaced: it may be pinned."""
    known = files.read(config.certificate, limit=certificates.MAX_CERTIFICATE)
    if known is not None:
        return certificates.check(known)
    kept = files.read(config.certificate_key, limit=MAX_KEY)
    if kept is None:
        # A host without a key is new, and only a new host may take whatever release comes first.
        State(config.agent_state).begin()
    certificate, key = certificates.generate(host, key=kept)
    if kept is None:
        files.create(config.certificate_key, key)
    files.create(config.certificate, certificate.encode(), mode=files.READABLE)
    return certificate


def _replace_certificate(config: configs.Config, host: str) -> None:
    """A new key and its certificate. Killed anywhere, the next `init` makes what is missing."""
    certificate, key = certificates.generate(host)
    files.remove(config.certificate)
    files.write(config.certificate_key, key, mode=files.PRIVATE)
    files.create(config.certificate, certificate.encode(), mode=files.READABLE)


def _tunnel_key(config: configs.Config) -> str:
    """The public half of the tunnel key, from the secret one; that is never replaced."""
    kept = files.read(config.tunnel_key, limit=MAX_KEY)
    if kept is not None:
        return certificates.tunnel_key_of(kept)
    text, secret = certificates.generate_tunnel_key()
    files.create(config.tunnel_key, secret)
    return text


def _lines(host: str, certificate: str, tunnel_key: str) -> str:
    return (
        f'[hosts.{host}.identity]\ntunnel_key = "{tunnel_key}"\n'
        f'certificate = """\n{certificate.strip()}\n"""\n'
    )
