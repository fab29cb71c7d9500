"""The options of a container as the site says them: pct's text to the words of the language.

Each word gives back one text; what would come back as another one to PVE is left out.
"""

from collections.abc import Callable, Mapping
import re

from offctl import errors, propertystring
from offctl.desired import addresses, names
from offctl.observed import Configuration
from offctl.planner import options
from offctl_agent.adopt import quoting, shapes
from offctl_agent.adopt.left import Lefts

Word = object
# Absent, they are written as absent: what is usual among containers has to be known of each.
TOLD_WHEN_ABSENT = ("cores", "features", "onboot", "protection")
# PVE's own, or told of elsewhere.
_APART = frozenset(
    {"lock", "parent", "rootfs", "snaptime", "snapstate", "template", "unprivileged"}
)
_ELSEWHERE = re.compile(r"(?:mp|net|unused)\d{1,3}")
_DEVICE = re.compile(r"dev(\d{1,3})")
_FLAGS = ("force_rw_sys", "fuse", "keyctl", "mknod", "nesting")


def read(now: Configuration, what: str, lefts: Lefts) -> dict[str, Word]:
    """The words of the site for every option that it can say."""
    words: dict[str, Word] = {}
    devices: dict[int, str] = {}
    for key, value in now.options:
        if key in _APART or _ELSEWHERE.fullmatch(key):
            continue
        if match := _DEVICE.fullmatch(key):
            devices[int(match[1])] = value
            continue
        said = _WORDS.get(key)
        word = said(value) if said is not None else None
        if word is None:
            reason = "the site cannot say this value" if said else "the site knows no such option"
            shown = quoting.value(key, value, 60) if said else ""
            lefts.leave(f"{what}: option {key[: quoting.MAX_KEY]}", reason + shown)
        else:
            words[key] = word
    listed = [_device(devices[index]) for index in sorted(devices)]
    if listed and sorted(devices) == list(range(len(devices))) and None not in listed:
        words["devices"] = listed
    elif devices:
        lefts.leave(f"{what}: devices", "the site cannot say them so, or under these numbers")
    for key in TOLD_WHEN_ABSENT:
        if now.option(key) is None:
            words[key] = "default"
    return words


def text(key: str, word: Word) -> str:
    """What the compiler makes of a word."""
    if isinstance(word, bool):
        return "1" if word else "0"
    if isinstance(word, dict):
        return _table_text(key, word)
    if isinstance(word, list):
        return ";".join(sorted(word)) if key == "tags" else " ".join(word)
    if isinstance(word, float):
        return f"{word:.4f}".rstrip("0").rstrip(".")
    return str(word).strip("\n") if key == "description" else str(word)


def device_text(word: Mapping[str, object]) -> str:
    """What the compiler makes of one device."""
    parts = [str(word["path"])]
    if "deny_write" in word:
        parts.append(f"deny-write={'1' if word['deny_write'] else '0'}")
    parts += [f"{key}={word[key]}" for key in ("gid", "mode", "uid") if key in word]
    return ",".join(parts)


def _table_text(key: str, word: dict[str, object]) -> str:
    if key == "startup":
        return ",".join(f"{k}={word[k]}" for k in ("order", "up", "down") if k in word)
    parts = [f"{flag}=1" for flag in _FLAGS if word.get(flag)]
    mount = word.get("mount")
    if isinstance(mount, list):
        parts.append("mount=" + ";".join(sorted(mount)))
    return ",".join(sorted(parts))


def _integer(key: str, least: int, most: int) -> Callable[[str], Word | None]:
    def word(value: str) -> Word | None:
        number = shapes.number(value, most)
        if number is None or number < least:
            return None
        return number if options.same(key, str(number), value) else None

    return word


def _flag(key: str) -> Callable[[str], Word | None]:
    def word(value: str) -> Word | None:
        if value.lower() not in ("1", "0", "on", "off", "yes", "no", "true", "false"):
            return None
        return options.meaning(key, value) == "1"

    return word


def _choice(*words: str) -> Callable[[str], Word | None]:
    return lambda value: value if value in words else None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], Word | None]:
    return lambda value: value if pattern.fullmatch(value) and value != "default" else None


def _cpulimit(value: str) -> Word | None:
    if not re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,4})?", value) or float(value) > 8192:
        return None
    word = float(value) if "." in value else int(value)
    return word if options.same("cpulimit", text("cpulimit", word), value) else None


def _description(value: str) -> Word | None:
    shown = value.rstrip("\n")
    same = shown.strip("\n") == shown and shown != "default"
    return shown if same and shapes.printable(shown, lines=True) else None


def _listed(
    key: str, fits: Callable[[str], bool], separators: str = r"[;, ]+"
) -> Callable[[str], Word | None]:
    def word(value: str) -> Word | None:
        parts = [part for part in re.split(separators, value) if part]
        fit = parts and len(set(parts)) == len(parts) and all(fits(part) for part in parts)
        return parts if fit and options.same(key, text(key, parts), value) else None

    return word


def _tags(value: str) -> Word | None:
    parts = sorted({part.lower() for part in re.split(r"[;, ]+", value) if part})
    fit = parts and all(shapes.TAG.fullmatch(part) for part in parts)
    return parts if fit and options.same("tags", ";".join(parts), value) else None


def _features(value: str) -> Word | None:
    try:
        parts = propertystring.parse(value)
    except errors.MalformedError:
        return None
    word: dict[str, object] = {}
    for key, part in parts.items():
        if key in _FLAGS and propertystring.is_on(part):
            word[key] = True
        elif key == "mount":
            word[key] = sorted(part.split(";"))
            if not all(re.fullmatch(r"[a-z0-9]{1,16}", each) for each in part.split(";")):
                return None
    said = _table_text("features", word)
    return word if said and options.same("features", said, value) else None


def _startup(value: str) -> Word | None:
    try:
        parts = propertystring.parse(value, bare="order")
    except errors.MalformedError:
        return None
    most = {"order": 9999, "up": 86400, "down": 86400}
    word: dict[str, object] = {}
    for key, part in parts.items():
        number = shapes.number(part, most.get(key, -1))
        if number is None:
            return None
        word[key] = number
    said = _table_text("startup", word)
    return word if said and options.same("startup", said, value) else None


def _zone(value: str) -> Word | None:
    return value if shapes.zone(value) else None


def _device(value: str) -> dict[str, object] | None:
    try:
        parts = propertystring.parse(value, bare="path")
    except errors.MalformedError:
        return None
    word: dict[str, object] = {}
    for key, part in parts.items():
        if key == "path" and shapes.DEVICE.fullmatch(part):
            word["path"] = part
        elif key in ("uid", "gid") and (number := shapes.number(part, 2**31)) is not None:
            word[key] = number
        elif key == "mode" and re.fullmatch(r"[0-7]{4}", part):
            word[key] = part
        elif key == "deny-write" and part in ("0", "1"):
            word["deny_write"] = part == "1"
        else:
            return None
    return word if "path" in word and device_text(word) == value else None


_WORDS: Mapping[str, Callable[[str], Word | None]] = {
    "arch": _choice("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"),
    "cmode": _choice("shell", "console", "tty"),
    "console": _flag("console"),
    "cores": _integer("cores", 1, 8192),
    "cpulimit": _cpulimit,
    "cpuunits": _integer("cpuunits", 1, 10000),
    "debug": _flag("debug"),
    "description": _description,
    "features": _features,
    "hookscript": _matching(shapes.HOOK),
    "hostname": _matching(names.HOSTNAME),
    "memory": _integer("memory", 16, 2**30),
    "nameserver": _listed("nameserver", lambda part: not addresses.complaint(part)),
    "onboot": _flag("onboot"),
    "ostype": _choice(
        *("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse"),
        *("archlinux", "alpine", "gentoo", "nixos", "unmanaged"),
    ),
    "protection": _flag("protection"),
    "searchdomain": _listed("searchdomain", lambda part: bool(shapes.DOMAIN.fullmatch(part))),
    "startup": _startup,
    "swap": _integer("swap", 0, 2**30),
    "tags": _tags,
    "timezone": _zone,
    "tty": _integer("tty", 0, 6),
}
