"""The coordinator's directory: made once, never overwritten, and what the trust root needs."""

from pathlib import Path

import tomli_w

from offctl import certificates, errors, files
from offctl.desired import names
from offctl.trust.keys import SecretKey
from offctl_coordinator.config import DEFAULT, DEFAULT_LISTEN, Config

# The service may not write in /etc; there its database is where systemd made room for it.
_INSTALLED_DATABASE = "/var/lib/offctl-coordinator/coordinator.db"

_CONFIG = """\
# The coordinator. Relative paths start at this file's directory.
listen = "{listen}"
database = "{database}"
trust = "trust.toml"
certificate = "server.cert.pem"
certificate_key = "server.key.pem"
timestamp_key = "timestamp.key.pem"
"""


def make(directory: Path, name: str) -> Path:
    """Make `directory` with new keys and a configuration, whose path is returned.

    Raises AdminError, having overwritten nothing, when any of the files is there already.
    """
    names.checked(name, names.NAME, "coordinator name")
    files.make_directory(directory, mode=0o700)
    database = _INSTALLED_DATABASE if directory == DEFAULT.parent else "coordinator.db"
    config = _CONFIG.format(listen=DEFAULT_LISTEN, database=database)
    certificate, key = certificates.generate(name, dns_name=certificates.SERVER_NAME)
    contents = (
        ("server.key.pem", key, files.PRIVATE),
        ("server.cert.pem", certificate.encode(), files.READABLE),
        ("timestamp.key.pem", SecretKey.generate().to_pem(), files.PRIVATE),
        ("coordinator.toml", config.encode(), files.READABLE),
    )
    for file, _, _ in contents:
        _refuse_existing(directory / file)
    for file, content, mode in contents:
        files.create(directory / file, content, mode=mode)
    return directory / "coordinator.toml"


def trust_lines(config: Config, name: str) -> str:
    """The lines of trust.toml that speak for this coordinator. Raises AdminError."""
    certificate = files.require(config.certificate, limit=certificates.MAX_CERTIFICATE)
    key = SecretKey.from_pem(
        files.require(config.timestamp_key, limit=certificates.MAX_CERTIFICATE)
    )
    return tomli_w.dumps(
        {
            "timestamp_key": key.public.text,
            "coordinators": {name: {"certificate": certificates.check(certificate)}},
        },
        multiline_strings=True,
    )


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise errors.AdminError(
            f"cannot create {path}: it exists",
            hint="choose another directory; `offctl-coordinator show` prints this one's lines",
        )
