"""Where a PostgreSQL database is: what `database` may say, checked, and never a password.

postgresql://USER@HOST:PORT/NAME?sslrootcert=FILE, or for a socket postgresql:///NAME?host=DIRECTORY.
Over a network only a server whose certificate was checked is spoken with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import ipaddress
import re
from urllib import parse

from offctl import errors

SCHEME = "postgresql"
DEFAULT_PORT = 5432
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_DIRECTORY = re.compile(r"/[A-Za-z0-9/._-]{0,100}")
_FILE = re.compile(r"/[^\x00-\x1f\x7f]{1,1000}")
_SAFE = "verify-full"
_FILES = ("sslrootcert", "sslcert", "sslkey")


@dataclass(frozen=True, slots=True)
class Address:
    """`host` is a name, an address, or the directory of a socket. `tls` are libpq's own options."""

    host: str
    port: int
    user: str
    name: str
    tls: Mapping[str, str]

    def __str__(self) -> str:
        return f"{SCHEME}://{self.host}:{self.port}/{self.name}"


def is_address(text: str) -> bool:
    """Whether `database` names a server, and not a file."""
    return "://" in text


def parse_address(text: str) -> Address:
    """Raises MalformedError, in which the text itself is never quoted: it may hold a password."""
    try:
        split = parse.urlsplit(text)
        host, port = split.hostname or "", split.port or DEFAULT_PORT
        pairs = parse.parse_qsl(split.query, True, bool(split.query))
    except ValueError:
        raise _wrong("it is not of the form of an address") from None
    query = dict(pairs)
    if split.password is not None or any("pass" in name.lower() for name in query):
        raise _wrong("a password stands in it", "write it into the file `database_password` names")
    if split.scheme != SCHEME or split.fragment or len(query) < len(pairs):
        raise _wrong(f"it does not begin with {SCHEME}://, has a `#`, or says something twice")
    directory = query.pop("host", "")
    user = _matching(split.username or query.pop("user", ""), _WORD, "the user", empty=True)
    name = _matching(split.path.removeprefix("/"), _WORD, "the name of the database")
    if bool(directory) == bool(host):
        raise _wrong("it must name a host, or with `?host=` the directory of a socket")
    if directory:
        _matching(directory, _DIRECTORY, "the directory of the socket")
    else:
        _matching(host, _HOST, "the host")
    return Address(directory or host, port, user, name, _tls(directory or host, query))


def _tls(host: str, query: dict[str, str]) -> Mapping[str, str]:
    found = {name: query.pop(name) for name in ("sslmode", *_FILES) if name in query}
    if query:
        raise _wrong(f"it says {sorted(query)[0][:40]!r}, which is not known here")
    for name in _FILES:
        if name in found:
            _matching(found[name], _FILE, f"`{name}`")
    if not _stays_here(host) and found.setdefault("sslmode", _SAFE) != _SAFE:
        raise _wrong(
            f"over a network `sslmode` is {_SAFE}, and nothing less",
            "anybody on the way could be the database; name its certificate with `sslrootcert`",
        )
    return found


def _stays_here(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _matching(text: str, pattern: re.Pattern[str], what: str, *, empty: bool = False) -> str:
    if not (empty and not text) and not pattern.fullmatch(text):
        raise _wrong(f"{what} is missing, or has other characters than are allowed")
    return text


def _wrong(cause: str, hint: str = "") -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot use the setting `database`: {cause}",
        hint=hint or f'write it like "{SCHEME}://offctl@db.example.org/offctl?sslrootcert=/FILE"',
    )
