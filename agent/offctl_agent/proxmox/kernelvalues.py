"""Property values as the kernel takes them when a dataset is created: numbers, mostly. Pure.

libzfs_core hands them to the kernel unread, so a wrong number would be taken for another word; the
numbers are those of OpenZFS's public headers, the same in 2.1 to 2.3, and whoever creates a dataset
reads it back and compares.
"""

from collections.abc import Mapping

from offctl import errors
from offctl.desired import properties

Value = int | bytes

_LEVEL_BITS = 7
_ZSTD = 16
# Level 1 of the fast ones comes after room for 101 others.
_FAST = dict(zip([*range(1, 11), *range(20, 101, 10), 500, 1000], range(103, 124), strict=True))
_ON_OFF = {"off": 0, "on": 1}
_VERIFY = 1 << 8
_CHECKSUMS = {
    "on": 1,
    "off": 2,
    "fletcher2": 6,
    "fletcher4": 7,
    "sha256": 8,
    "noparity": 10,
    "sha512": 11,
    "skein": 12,
    "edonr": 13,
    "blake3": 14,
}
_CACHE = {"none": 0, "metadata": 1, "all": 2}
_ACL = {
    "discard": 0,
    "noallow": 1,
    "groupmask": 2,
    "passthrough": 3,
    "restricted": 4,
    "passthrough-x": 5,
}
_WORDS: Mapping[str, Mapping[str, int]] = {
    "aclinherit": _ACL,
    "aclmode": _ACL,
    "acltype": {"off": 0, "posix": 1, "nfsv4": 2},
    "canmount": {"off": 0, "on": 1, "noauto": 2},
    "casesensitivity": {"sensitive": 0, "insensitive": 1, "mixed": 2},
    "checksum": _CHECKSUMS,
    "compression": {"on": 1, "off": 2, "lzjb": 3, "gzip": 10, "zle": 14, "lz4": 15, "zstd": _ZSTD}
    | {f"gzip-{level}": 4 + level for level in range(1, 10)}
    | {f"zstd-{level}": _ZSTD | level << _LEVEL_BITS for level in range(1, 20)}
    | {f"zstd-fast-{name}": _ZSTD | level << _LEVEL_BITS for name, level in _FAST.items()}
    | {"zstd-fast": _ZSTD | _FAST[1] << _LEVEL_BITS},
    "dedup": {"verify": 1 | _VERIFY}
    | {name: number for name, number in _CHECKSUMS.items() if not name.startswith("fletcher")}
    | {f"{name},verify": number | _VERIFY for name, number in _CHECKSUMS.items()},
    "dnodesize": {"legacy": 0, "auto": 1} | {f"{k}k": k * 1024 for k in (1, 2, 4, 8, 16)},
    "logbias": {"latency": 0, "throughput": 1},
    "normalization": {"none": 0, "formD": 0x10, "formKD": 0x20, "formC": 0x50, "formKC": 0x60},
    "primarycache": _CACHE,
    "redundant_metadata": {"all": 0, "most": 1, "some": 2, "none": 3},
    "secondarycache": _CACHE,
    "snapdir": {"hidden": 0, "visible": 1},
    "sync": {"standard": 0, "always": 1, "disabled": 2},
    "xattr": {"off": 0, "dir": 1, "sa": 2},
}
_NUMBERS = frozenset(
    "copies filesystem_limit quota recordsize refquota refreservation reservation snapshot_limit"
    " special_small_blocks".split()
)
_TEXTS = frozenset({"mountpoint"})


def values(wanted: tuple[tuple[str, str], ...]) -> dict[bytes, Value]:
    """What to create a dataset with; those that export and limits of `none` are left out.

    Raises MalformedError for a name or a value that is no file system's.
    """
    found = {}
    for name, text in wanted:
        full = properties.canonical_name(name)
        normal = properties.normalise(full, text)
        # No limit is what a new dataset has; saying so would make it a value of its own.
        if full in properties.EXPORTS or (full in _NUMBERS and normal == "none"):
            continue
        found[full.encode()] = _value(full, normal)
    return found


def _value(name: str, normal: str) -> Value:
    if name in _WORDS:
        if normal not in _WORDS[name]:
            raise errors.MalformedError(f"cannot set {name} to {normal!r}: the kernel has no such")
        return _WORDS[name][normal]
    if name in _NUMBERS:
        return int(normal)
    if name in _TEXTS or ":" in name:
        return normal.encode()
    return _ON_OFF[normal]
