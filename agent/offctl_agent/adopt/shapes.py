"""What the site language can say, as far as a host can be otherwise. Narrower never hurts.

The language itself lives with the operator; the tests hold that what passes here compiles there.
"""

import re
import zoneinfo

from offctl.desired import addresses, names

DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*"
)
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,120}")
HARDWARE = re.compile(r"[0-9A-Fa-f][02468ACEace](?::[0-9A-Fa-f]{2}){5}")
TAG = re.compile(r"[a-z0-9_][a-z0-9_+.-]{0,60}")
HOOK = re.compile(r"[A-Za-z0-9._-]+:snippets/[A-Za-z0-9._-]+")
ZONE = re.compile(r"host|[A-Za-z][A-Za-z0-9_+/-]{0,40}")
DEVICE = re.compile(r"/dev(?!.*/\.{1,2}(?:/|$))/[A-Za-z0-9_./:@+-]{1,200}")

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OF_THE_SYSTEM = ("/dev", "/etc", "/proc", "/run", "/sys", "/usr", "/bin", "/sbin", "/lib")
_HOST_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}")
_NUMERIC = re.compile(r"[0-9.]+|.*:.*")


def printable(text: str, *, lines: bool = False) -> bool:
    """Whether a text of people can stand in the site."""
    plain = text.replace("\n", "").replace("\t", "") if lines else text
    return bool(text) and len(text) <= 8192 and not _UNPRINTABLE.search(plain)


def number(text: str, most: int) -> int | None:
    """A number in plain digits up to `most`; None for anything else, however long it is."""
    if not text.isascii() or not text.isdecimal():
        return None
    digits = text.lstrip("0") or "0"
    found = int(digits) if len(digits) <= len(str(most)) else most + 1
    return found if found <= most else None


def target_complaint(target: str) -> str:
    """Why nothing may be mounted at a path of a container; empty when it may."""
    if target in _OF_THE_SYSTEM or target.startswith(("/dev/", "/proc/", "/sys/", "/run/")):
        return "it covers a directory that the container's own system writes to"
    return names.path_complaint(target)


def zone(text: str) -> bool:
    """Whether it is a time zone that this system knows, too."""
    if not ZONE.fullmatch(text):
        return False
    if text == "host":
        return True
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def endpoint(text: str, *, bare_port: bool = False) -> bool:
    """Whether stunnel's word for an endpoint is the one that the site gives back."""
    host, colon, port = text.rpartition(":")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        return False
    if not colon:
        return bare_port
    plain = not _NUMERIC.fullmatch(host) or not addresses.complaint(host)
    return plain and bool(_HOST_PART.fullmatch(host))


def internal(text: str) -> bool:
    """Whether it is a private or loopback address."""
    found = addresses.parse(text)
    return found is not None and addresses.is_internal(found)
