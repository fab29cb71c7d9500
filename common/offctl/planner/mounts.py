"""Mount points: which index each target has, and what its line must say.

A target keeps its index as long as that is possible: PVE mounts by number, so the one rule is that
every parent has a smaller number than what is mounted below it. Lines that are not ours stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from offctl import errors, propertystring
from offctl.desired.model import BindMount, Mount, VolumeMount
from offctl.observed import Configuration

MAX_INDEX = 255

_KEY = re.compile(r"mp(\d{1,3})")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)([KMGT])?", re.ASCII)
_FALSE_BY_DEFAULT = frozenset({"acl", "backup", "quota", "ro", "shared", "keepattrs"})


@dataclass(frozen=True, slots=True)
class Line:
    """One mpN line as it stands: where it goes, and all its parts by key."""

    index: int
    target: str
    parts: Mapping[str, str]
    text: str


def lines(options: tuple[tuple[str, str], ...]) -> tuple[list[Line], list[str]]:
    """The mpN lines by index, and the keys of those PVE itself cannot parse."""
    found, broken = [], []
    for key, text in options:
        if not (match := _KEY.fullmatch(key)):
            continue
        try:
            parts = propertystring.parse(text, bare="volume")
            target = _normal("/" + parts["mp"])
            # `/a=b,mp=/x` has none: PVE writes it so and cannot read it back.
            _ = parts["volume"]
        except (errors.MalformedError, KeyError):
            broken.append(key)
            continue
        found.append(Line(int(match[1]), target, parts, text))
    return sorted(found, key=lambda line: line.index), broken


def merged(configuration: Configuration) -> tuple[tuple[str, str], ...]:
    """The options as they will be after the next restart."""
    options = dict(configuration.options)
    for key in configuration.pending_delete:
        options.pop(key, None)
    options.update(configuration.pending)
    return tuple(sorted(options.items()))


def same(mount: Mount, line: Line) -> bool:
    """Whether a line already says what `mount` asks for, the size of a volume aside."""
    parts = dict(line.parts)
    volume = parts.pop("volume", "")
    parts.pop("mp", None)
    parts.pop("size", None)
    if _options(dict(mount.options)) != _options(parts):
        return False
    if isinstance(mount, BindMount):
        return _source(volume) == mount.source
    return _same_volume(mount, volume)


def obstacle(mount: Mount, line: Line) -> str:
    """Why `line` must not become `mount`: setting it would put a volume with data aside."""
    volume = line.parts.get("volume", "")
    if volume.startswith("/") or (isinstance(mount, VolumeMount) and _same_volume(mount, volume)):
        return ""
    return f"volume {volume} is mounted there; move its data by hand and delete that mount point"


def resized(mount: Mount, line: Line) -> bool:
    """Whether the volume is right and only its size differs: offctl never resizes."""
    size = line.parts.get("size", "")
    return (
        isinstance(mount, VolumeMount)
        and _same_volume(mount, line.parts.get("volume", ""))
        and bool(size)
        and size_in_bytes(size) != size_in_bytes(mount.size)
    )


def text(mount: Mount, line: Line | None) -> str:
    """The value of the mpN key that makes `mount` true; keeps the volume a line already has."""
    parts = {"mp": mount.target, **dict(mount.options)}
    if isinstance(mount, BindMount):
        parts["volume"] = mount.source
    elif line is not None and _same_volume(mount, line.parts.get("volume", "")):
        parts["volume"] = line.parts["volume"]
        parts["size"] = line.parts.get("size", mount.size)
    elif mount.volume:
        parts["volume"] = f"{mount.storage}:{mount.volume}"
        parts["size"] = mount.size
    else:
        # Allocation is asked for as STORAGE:GiB; PVE writes the real volume and its size.
        parts["volume"] = f"{mount.storage}:{size_in_bytes(mount.size) / (1 << 30):g}"
    return propertystring.join(parts, bare="volume", first=("mp",))


def describe(mount: Mount) -> str:
    """What a mount is, for the ledger and for people; equal for equal wishes."""
    options = "".join(f",{k}={v}" for k, v in sorted(_options(dict(mount.options)).items()))
    if isinstance(mount, BindMount):
        return mount.source + options
    return f"{mount.storage}:{mount.volume or 'new'},size={mount.size}{options}"


def describe_line(line: Line) -> str:
    """A line in the words of `describe`, for showing before and after."""
    parts = dict(line.parts)
    volume = parts.pop("volume", "")
    parts.pop("mp", None)
    size = f",size={parts.pop('size')}" if "size" in parts else ""
    options = "".join(f",{k}={v}" for k, v in sorted(_options(parts).items()))
    return _source(volume) + size + options


def place(mounts: tuple[Mount, ...], present: list[Line], reserved: set[int]) -> dict[str, int]:
    """An index for every target: its present one unless a parent would hide it.

    `reserved` are indexes of lines that must not be touched; those of targets that are not in
    `mounts` stay too. Raises MalformedError when there are not enough numbers.
    """
    targets = sorted((mount.target for mount in mounts), key=lambda t: (t.count("/"), t))
    current = {line.target: line.index for line in present if line.target in targets}
    others = {line.target: line.index for line in present if line.target not in targets}
    taken = set(others.values()) | reserved
    try:
        return _placed(targets, current, others, taken)
    except errors.MalformedError:
        # The numbers in use leave no room above a parent: start over from the lowest.
        return _placed(targets, {}, others, taken)


def _placed(
    targets: list[str], current: Mapping[str, int], others: Mapping[str, int], taken: set[int]
) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for target in targets:
        above = (*chosen.items(), *others.items())
        floor = max((i for t, i in above if is_below(target, t)), default=-1)
        index = current.get(target)
        if index is not None and index > floor:
            chosen[target] = index
            continue
        kept = {i for t, i in current.items() if t not in chosen and t != target}
        chosen[target] = _free(floor, taken | set(chosen.values()) | kept)
    return chosen


def _free(floor: int, taken: set[int]) -> int:
    """The lowest free number above `floor`; children that stand lower will move after it."""
    for index in range(floor + 1, MAX_INDEX + 1):
        if index not in taken:
            return index
    raise errors.MalformedError("cannot place a mount: no number from 0 to 255 is left")


def is_below(path: str, parent: str) -> bool:
    """Whether `path` lies strictly inside `parent`."""
    return path.startswith(parent.rstrip("/") + "/")


def _source(path: str) -> str:
    return _normal(path) if path.startswith("/") else path


def _normal(path: str) -> str:
    """One spelling: PVE keeps doubled and trailing slashes as they were typed."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _same_volume(mount: VolumeMount, volume: str) -> bool:
    storage, _, name = volume.partition(":")
    return storage == mount.storage and (not mount.volume or mount.volume == name)


def _options(parts: Mapping[str, str]) -> dict[str, str]:
    """The sub-options that mean something: defaults dropped, spellings unified."""
    kept = {}
    for key, value in parts.items():
        flag = propertystring.is_on(value)
        if key in _FALSE_BY_DEFAULT:
            if flag:
                kept[key] = "1"
        elif key == "replicate":
            if not flag:
                kept[key] = "0"
        elif key == "mountoptions":
            kept[key] = ";".join(sorted(value.split(";")))
        else:
            kept[key] = value
    return kept


def size_in_bytes(size: str) -> int:
    """As PVE reads a size; 0 for what it cannot read."""
    match = _SIZE.fullmatch(size)
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2] or " ")) if match else 0
