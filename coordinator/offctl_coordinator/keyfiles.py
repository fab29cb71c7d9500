"""Reading the coordinator's trust root and keys from disk, and whether they belong together."""

import os
from pathlib import Path
import struct

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from offctl import certificates, errors, files
from offctl.trust import keys, root
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl_coordinator.config import Config
from offctl_coordinator.server import ServerKeys

MAX_KEY = 16 * 1024

_ACL_OWNER, _ACL_USER, _ACL_MASK = 0x01, 0x02, 0x10

_PASTE = "paste the lines of `offctl-coordinator show` into the trust root"


def load_trust(config: Config) -> TrustRoot:
    """The trust root; raises AuthorError or AdminError, also when it does not name us."""
    try:
        found = root.parse(files.require(config.trust, limit=root.MAX_TRUST_ROOT))
    except errors.MalformedError as error:
        raise errors.MalformedError(
            f"cannot use trust root {config.trust}: {error}", hint=error.hint, code=error.code
        ) from error
    except errors.AdminError as error:
        raise errors.AdminError(
            str(error), hint="put the site's trust.toml there, or set `trust`", code=error.code
        ) from error
    if not found.operators:
        raise errors.AdminError(
            f"cannot use trust root {config.trust}: it names no operator, so nobody could publish",
            hint="make one with `offctl identity new` and add it to the trust root",
        )
    return found


def load_server_keys(config: Config, trust: TrustRoot) -> ServerKeys:
    """Our certificate and key; raises AdminError unless the trust root pins the certificate."""
    certificate = certificates.check(files.require(config.certificate, limit=MAX_KEY))
    pinned = {certificates.fingerprint(pem) for _, pem in trust.coordinators}
    if certificates.fingerprint(certificate) not in pinned:
        raise errors.AdminError(
            f"cannot serve with {config.certificate}: no coordinator of {config.trust} has this "
            "certificate, so no host would speak with us",
            hint=_PASTE,
        )
    key = _secret(config.certificate_key)
    if not _belong_together(certificate, key):
        raise errors.AdminError(
            f"cannot serve: {config.certificate_key} is not the key of {config.certificate}",
            hint="put the pair that `offctl-coordinator init` made back in its place",
        )
    return ServerKeys(certificate.encode(), key)


def load_timestamp_key(config: Config, trust: TrustRoot) -> SecretKey:
    """The online key; raises AdminError unless it is the one that the trust root names."""
    key = keys.SecretKey.from_pem(_secret(config.timestamp_key))
    if key.public != trust.timestamp_key:
        raise errors.AdminError(
            f"cannot use timestamp key {config.timestamp_key}: its public half is "
            f"{key.public.text}, the trust root names {trust.timestamp_key.text}",
            hint=f"{_PASTE}; several coordinators share one timestamp key",
        )
    return key


def load_password(path: Path) -> str:
    """The database's, the only line of a file; raises AdminError, in which it is never quoted."""
    lines = _secret(path).decode("utf-8", "replace").splitlines()
    if len(lines) != 1 or not lines[0].isprintable() or not lines[0]:
        raise errors.AdminError(
            f"cannot use {path}: it does not have one line with the database's password"
        )
    return lines[0]


def _secret(path: Path) -> bytes:
    content = files.require(path, limit=MAX_KEY)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077 and not _ours_alone(path):
        raise errors.AdminError(
            f"cannot use secret key {path}: its mode is {mode:04o}, others may read it",
            hint=f"look who may have read it, then `chmod 0600 {path}`",
        )
    return content


def _ours_alone(path: Path) -> bool:
    """Whether an access control list opens the file to its owner, root and us only.

    systemd gives its copy to a service like that, and then the mode's group is the list's mask.
    """
    try:
        content = os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return False
    # acl(5), as the kernel hands it out: a version, then tag, permissions and id of each entry.
    entries = struct.iter_unpack("<HHI", content[4:])
    allowed = {(tag, number) for tag, permissions, number in entries if permissions}
    users = {(_ACL_USER, number) for number in (0, os.geteuid())}
    named = {entry for entry in allowed if entry[0] not in (_ACL_OWNER, _ACL_MASK)}
    return named <= users


def _belong_together(certificate: str, key: bytes) -> bool:
    try:
        secret = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        return False
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return secret.public_key().public_bytes(*form) == public.public_bytes(*form)
