"""The formats of single pct values; each function says what is wrong with a text, or nothing.

Reads nothing but the time zone database. The words are PVE's own.
"""

import ipaddress
import re
import zoneinfo

_DNS_NAME = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.+-]*")
_VOLUME = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]:.+", re.DOTALL)
_STARTUP = re.compile(r"(?:order=)?\d+|up=\d+|down=\d+")
_ILLEGAL = re.compile(r"/\.\.?(?:/|\Z)|\A\.\.?/")
_MIN_PREFIX = 8


def volume_or_path(text: str) -> str:
    """The volume of a mount point: a volume id, `SIZE`, a device or a directory."""
    illegal = text.startswith("/") and _ILLEGAL.search(text)
    return f"{text} contains illegal character sequences" if illegal else ""


def mount_path(text: str) -> str:
    return f"{text} contains illegal character sequences" if _ILLEGAL.search(text) else ""


def device_path(text: str) -> str:
    if text.startswith("/dev/") and not _ILLEGAL.search(text):
        return ""
    return f"{text} is not a valid device path"


def disk_size(text: str) -> str:
    if re.fullmatch(r"\d+(?:\.\d+)?[KMGT]?", text, re.ASCII):
        return ""
    return f"value does not look like a valid disk size: {text}"


def volume_id(text: str) -> str:
    return "" if _VOLUME.fullmatch(text) else f"unable to parse volume ID '{text}'"


def dns_name(text: str) -> str:
    return "" if _DNS_NAME.fullmatch(text) else "value does not look like a valid DNS name"


def dns_name_list(text: str) -> str:
    return next((wrong for name in words(text) if (wrong := dns_name(name))), "")


def address_list(text: str) -> str:
    for address in words(text):
        if ipv4(address) and ipv6(address.partition("%")[0]):
            return "value does not look like a valid IP address"
    return ""


def tag_list(text: str) -> str:
    fine = all(_TAG.fullmatch(tag) for tag in words(text))
    return "" if fine else "invalid characters in tag"


def startup(text: str) -> str:
    fine = all(_STARTUP.fullmatch(part) for part in text.split(","))
    return "" if fine else "unable to parse startup options"


def timezone(text: str) -> str:
    if text in ("host", "UTC"):
        return ""
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return f"invalid time zone '{text}'"
    return ""


def unicast_mac(text: str) -> str:
    fine = re.fullmatch(r"[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}", text)
    return "" if fine else "value does not look like a valid unicast MAC address"


def ipv4(text: str) -> str:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return "value does not look like a valid ipv4 address"
    return ""


def ipv6(text: str) -> str:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return "value does not look like a valid ipv6 address"
    return ""


def ipv4_configuration(text: str) -> str:
    if text in ("dhcp", "manual"):
        return ""
    address, _, length = text.partition("/")
    if not ipv4(address) and _is_prefix(length, 32):
        return ""
    return "value does not look like a valid ipv4 network configuration"


def ipv6_configuration(text: str) -> str:
    if text in ("auto", "dhcp", "manual"):
        return ""
    address, _, length = text.partition("/")
    if not ipv6(address) and _is_prefix(length, 128):
        return ""
    return "value does not look like a valid ipv6 network configuration"


def _is_prefix(text: str, most: int) -> bool:
    digits = text.lstrip("0") if text.isdecimal() else ""
    return 0 < len(digits) <= 3 and _MIN_PREFIX <= int(digits) <= most


def words(text: str) -> list[str]:
    """PVE's lists: separated by blanks, commas or semicolons."""
    return [word for word in re.split(r"[\s,;\0]+", text) if word]
