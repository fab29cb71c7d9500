"""The properties of a ZFS file system: their names, their values, and one way to write each.

Two values mean the same to ZFS exactly when `normalise` gives the same text, so desired and
observed values can be compared as text. Knows nothing of sites, hosts or commands. The rules are
those of zfsprops(7) as of OpenZFS 2.1 (Debian 12) to 2.3 (Debian 13).
"""

from collections.abc import Callable, Mapping
import re
from types import MappingProxyType

from offctl import errors
from offctl.desired import names

Normaliser = Callable[[str], str]

MAX_VALUE = 8191  # ZAP_MAXVALUELEN - 1
OWN_PREFIX = "org.offctl:"  # where the host keeps its own records; a site must not write there
_KEPT_LIMITS = frozenset({"filesystem_limit", "snapshot_limit"})
_RESERVED = (OWN_PREFIX, "offctl:")

# Short column names that zfs accepts in place of the property's name.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "compress": "compression",
        "rdonly": "readonly",
        "recsize": "recordsize",
        "refreserv": "refreservation",
        "reserv": "reservation",
    }
)

# ZFS keeps these from the moment of creation on and refuses to set them afterwards.
CREATION_ONLY = frozenset({"casesensitivity", "normalization", "utf8only"})

# ZFS has no inheriting of it, and unlike a limit it has no value that stands for none.
NEVER_INHERITED = frozenset({"canmount"})

# `zfs set` does more than store these: it exports the file system, and mounts it for that.
EXPORTS = frozenset({"sharenfs", "sharesmb"})

# Without a limit these are zero. ZFS remembers that somebody set the zero and has no way to forget
# it, so where a zero comes from says nothing.
ZERO_IS_DEFAULT = frozenset({"quota", "refquota", "refreservation", "reservation"})

_USER_PROPERTY = re.compile(r"(?=.{1,255}\Z)[a-z0-9_.-]*:[a-z0-9:_.-]+")
_SIZE = re.compile(
    r"(?P<number>[0-9]{1,20}(?:\.[0-9]{1,9})?)(?:(?P<unit>[KMGTPE])i?)?B?", re.IGNORECASE
)
_NUMBER = re.compile(r"[0-9]{1,19}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_COMPRESSION = re.compile(
    r"on|off|lzjb|lz4|zle|gzip(?:-[1-9])?|zstd(?:-(?:[1-9]|1[0-9]))?"
    r"|zstd-fast(?:-(?:10|[1-9]0?|100|500|1000))?"
)
_NFS_OPTIONS = re.compile(r"[A-Za-z0-9_]+(?:=[A-Za-z0-9@:./_*\[\]-]+)?")
_UNLIMITED = str(2**64 - 1)


def canonical_name(name: str) -> str:
    """The property's full name; raises MalformedError when a file system has none of that name."""
    full = ALIASES.get(name, name)
    if full in SUPPORTED:
        return full
    if _USER_PROPERTY.fullmatch(name):
        if name.startswith(_RESERVED):
            prefix = f"{name.partition(':')[0]}:"
            raise errors.MalformedError(
                f"cannot use property {name!r}: names that begin with {prefix!r} are the host's"
            )
        return name
    raise errors.MalformedError(
        f"cannot use property {name[:60]!r}: not a property of a file system that can be set"
    )


def normalise(name: str, value: str) -> str:
    """The one text of `value` that stands for all its spellings: `10G` gives `10737418240`.

    Raises MalformedError for an unknown name or a value that ZFS would refuse. A quota of `0` is
    `none`; a `filesystem_limit` of `0` is not.
    """
    full = canonical_name(name)
    if len(value) > MAX_VALUE or not _PRINTABLE.fullmatch(value):
        raise _wrong(full, value, f"at most {MAX_VALUE} characters of printable ASCII")
    return _NORMALISERS[full](value) if full in _NORMALISERS else value


def equal(name: str, one: str, other: str) -> bool:
    """Whether two values mean the same; what this version cannot read is compared as it stands."""
    try:
        return normalise(name, one) == normalise(name, other)
    except errors.MalformedError:
        return one == other


def unlimited(name: str, value: str) -> bool:
    """Whether a local value is as good as none: ZFS has no other way to give this limit back."""
    try:
        return name in _KEPT_LIMITS and normalise(name, value) == "none"
    except errors.MalformedError:
        return False


def expected(name: str) -> str:
    """What a value of this property looks like, for a hint; empty where anything will do."""
    return _EXPECTED.get(ALIASES.get(name, name), "")


def size(text: str) -> int | None:
    """Bytes of `10G`, `1.5TiB` or `4096`, counted as zfs counts; None when it is no size."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    exponent = " KMGTPE".index((match["unit"] or " ").upper())
    count = int(match["number"]) if "." not in match["number"] else float(match["number"])
    # zfs multiplies a double by a power of two and cuts the fraction off.
    amount = int(count * 1024**exponent)
    return amount if amount < 2**63 else None


def _wrong(name: str, value: str, wanted: str) -> errors.MalformedError:
    return errors.MalformedError(f"cannot set {name} to {value[:60]!r}: it must be {wanted}")


def _words(name: str, *allowed: str, **same: str) -> Normaliser:
    """`same` maps a second spelling (its underscores standing for dashes) to the first."""

    def normalise_word(value: str) -> str:
        word = same.get(value, value)
        if word not in allowed:
            raise _wrong(name, value, _EXPECTED[name])
        return word

    _EXPECTED[name] = "one of " + ", ".join(allowed)
    return normalise_word


def _limit(name: str, *, unit: str) -> Normaliser:
    def normalise_limit(value: str) -> str:
        if value in ("none", _UNLIMITED) or (unit == "bytes" and size(value) == 0):
            return "none"
        amount = size(value)
        if amount is None or (unit == "count" and not _NUMBER.fullmatch(value)):
            raise _wrong(name, value, _EXPECTED[name])
        return str(amount)

    _EXPECTED[name] = "none or a number" if unit == "count" else "none or a size such as 10G"
    return normalise_limit


def _power_of_two(name: str, *, least: int, most: int, zero: bool = False) -> Normaliser:
    def normalise_power(value: str) -> str:
        amount = size(value)
        if amount == 0 and zero:
            return "0"
        if amount is None or not least <= amount <= most or amount & (amount - 1):
            raise _wrong(name, value, _EXPECTED[name])
        return str(amount)

    _EXPECTED[name] = f"a power of two from {least} bytes to {most // 1024**2}M"
    return normalise_power


def _compression(value: str) -> str:
    if not _COMPRESSION.fullmatch(value):
        raise _wrong("compression", value, _EXPECTED["compression"])
    # Level 6 is what plain gzip means, and zfs reports it so; no other level has a second name.
    return "gzip" if value == "gzip-6" else value


def _mountpoint(value: str) -> str:
    if value in ("none", "legacy") or value == "/":
        return value
    complaint = names.path_complaint(value)
    if complaint:
        raise _wrong("mountpoint", value, f"none, legacy or a path ({complaint})")
    return value


def _share(value: str) -> str:
    if value in ("on", "off"):
        return value
    if not value or not all(_NFS_OPTIONS.fullmatch(option) for option in value.split(",")):
        raise _wrong("sharenfs", value, _EXPECTED["sharenfs"])
    return value


_EXPECTED = {
    "compression": "on, off, lz4, zstd, zstd-1 to -19, zstd-fast-N, gzip, gzip-1 to -9, zle, lzjb",
    "mountpoint": "none, legacy or an absolute path",
    "sharenfs": "off, or NFS options such as rw=@10.0.0.1/32",
}

_NORMALISERS: dict[str, Normaliser] = {
    name: _words(name, "on", "off")
    for name in (
        "atime devices exec nbmand overlay readonly relatime setuid sharesmb utf8only vscan zoned"
    ).split()
} | {
    "aclinherit": _words(
        "aclinherit",
        *("discard", "noallow", "restricted", "passthrough", "passthrough-x"),
        secure="restricted",
    ),
    "aclmode": _words("aclmode", "discard", "groupmask", "passthrough", "restricted"),
    "acltype": _words("acltype", "off", "posix", "nfsv4", noacl="off", posixacl="posix"),
    "canmount": _words("canmount", "on", "off", "noauto"),
    "casesensitivity": _words("casesensitivity", "sensitive", "insensitive", "mixed"),
    "checksum": _words(
        "checksum",
        *("on", "off", "fletcher2", "fletcher4", "sha256", "noparity"),
        *("sha512", "skein", "edonr", "blake3"),
    ),
    "compression": _compression,
    "copies": _words("copies", "1", "2", "3"),
    "dedup": _words(
        "dedup",
        *("on", "off", "verify", "sha256", "sha256,verify", "sha512", "sha512,verify"),
        *("skein", "skein,verify", "edonr,verify", "blake3", "blake3,verify"),
    ),
    "dnodesize": _words("dnodesize", "legacy", "auto", "1k", "2k", "4k", "8k", "16k"),
    "filesystem_limit": _limit("filesystem_limit", unit="count"),
    "logbias": _words("logbias", "latency", "throughput"),
    "mountpoint": _mountpoint,
    "normalization": _words("normalization", "none", "formC", "formD", "formKC", "formKD"),
    "primarycache": _words("primarycache", "all", "none", "metadata"),
    "quota": _limit("quota", unit="bytes"),
    "recordsize": _power_of_two("recordsize", least=512, most=16 * 1024**2),
    "redundant_metadata": _words("redundant_metadata", "all", "most", "some", "none"),
    "refquota": _limit("refquota", unit="bytes"),
    "refreservation": _limit("refreservation", unit="bytes"),
    "reservation": _limit("reservation", unit="bytes"),
    "secondarycache": _words("secondarycache", "all", "none", "metadata"),
    "sharenfs": _share,
    "snapdir": _words("snapdir", "hidden", "visible"),
    "snapshot_limit": _limit("snapshot_limit", unit="count"),
    "special_small_blocks": _power_of_two(
        "special_small_blocks", least=512, most=1024**2, zero=True
    ),
    "sync": _words("sync", "standard", "always", "disabled"),
    # OpenZFS 2.1 reports `dir` as `on`, and from 2.3 on `on` sets `sa`: only `dir` is clear.
    "xattr": _words("xattr", "sa", "dir", "off", on="dir"),
}

SUPPORTED = frozenset(_NORMALISERS)
