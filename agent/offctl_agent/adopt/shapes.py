"""What the site language can say, as far as a host can be otherwise. Narrower never hurts.

The language itself lives with the operator; the tests hold that what passes here compiles there.
"""

import ipaddress
import re
import zoneinfo

from offctl.desired import names

LOGICAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,15}")
HOSTNAME = re.compile(
    r"(?=.{1,255}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))*"
)
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,120}")
HARDWARE = re.compile(r"[0-9A-Fa-f][02468ACEace](?::[0-9A-Fa-f]{2}){5}")
TAG = re.compile(r"[a-z0-9_][a-z0-9_+.-]{0,60}")
HOOK = re.compile(r"[A-Za-z0-9._-]+:snippets/[A-Za-z0-9._-]+")
ZONE = re.compile(r"host|[A-Za-z][A-Za-z0-9_+/-]{0,40}")
DEVICE = re.compile(r"/dev(?!.*/\.{1,2}(?:/|$))/[A-Za-z0-9_./:@+-]{1,200}")
MOUNT_OPTIONS = frozenset({"discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"})

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OF_THE_SYSTEM = ("/dev", "/etc", "/proc", "/run", "/sys", "/usr", "/bin", "/sbin", "/lib")
_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1")
)
_ACCESS = ("ro", "rw", "root")
_HOST_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}")
_NUMERIC = re.compile(r"[0-9.]+|.*:.*")


def printable(text: str, *, lines: bool = False) -> bool:
    """Whether a text of people can stand in the site."""
    plain = text.replace("\n", "").replace("\t", "") if lines else text
    return bool(text) and len(text) <= 8192 and not _UNPRINTABLE.search(plain)


def dataset(name: str) -> bool:
    """Whether a ZFS name can stand in the site: names with spaces cannot."""
    parts = name.split("/")
    return (
        bool(names.DATASET.fullmatch(name))
        and len(name) <= names.MAX_DATASET
        and "." not in parts
        and ".." not in parts
    )


def target_complaint(target: str) -> str:
    """Why nothing may be mounted at a path of a container; empty when it may."""
    if target in _OF_THE_SYSTEM or target.startswith(("/dev/", "/proc/", "/sys/", "/run/")):
        return "it covers a directory that the container's own system writes to"
    return names.path_complaint(target)


def address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def interface(text: str) -> bool:
    """Whether it is an address with its prefix length."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text and len(text) <= 49


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
    return bool(_HOST_PART.fullmatch(host)) and (not _NUMERIC.fullmatch(host) or address(host))


def is_internal(text: str) -> bool:
    """Whether an address or network is private or loopback."""
    try:
        whole = ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return any(
        whole.version == net.version
        and whole.prefixlen >= net.prefixlen
        and whole.network_address in net
        for net in _NETWORKS
    )


def open_share(value: str) -> bool:
    """Whether a `sharenfs` lets in others than named private addresses."""
    if value == "off":
        return False
    clients = [
        client
        for option in value.split(",")
        for name, _, hosts in [option.partition("=")]
        if name in _ACCESS
        for client in (hosts or "*").split(":@")
    ]
    return not clients or not all(is_internal(client.removeprefix("@")) for client in clients)
