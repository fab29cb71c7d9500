"""Container options as pct spells them: one canonical text for each value."""

from collections.abc import Callable, Iterator
from typing import Any

from offctl_cli.site import key
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.kinds import Default
from offctl_cli.site.tables import shapes
from offctl_cli.site.tables.containers import Container, Device, Features, Startup

Pairs = tuple[tuple[str, str], ...]


def bit(value: bool) -> str:
    """A boolean as pct writes it."""
    return "1" if value else "0"


def lower(name: str, container: Container, notes: Notes) -> tuple[Pairs, tuple[str, ...]]:
    """The options we set, and the keys that must be absent, both sorted."""
    values: dict[str, str] = {}
    defaults: list[str] = []
    for option, spell in _SPELLINGS.items():
        value = getattr(container, option)
        if value is Default.DEFAULT:
            defaults.append(option)
        elif value is not None:
            text = spell(value)
            if text:
                values[option] = text
            else:  # an empty value would be stored as a line pct cannot read
                defaults.append(option)
    for index, device in enumerate(container.devices):
        values[f"dev{index}"] = _device(device)
    if container.hostname is None:
        values["hostname"] = _hostname(name, notes)
    return tuple(sorted(values.items())), tuple(sorted(defaults))


def mount_options(*, read_only: bool, mountoptions: tuple[str, ...], **flags: bool | None) -> Pairs:
    """The sub-keys of mpN: flags that are written, and those that are not pct's default."""
    values = {name: bit(value) for name, value in flags.items() if value is not None}
    if read_only:
        values["ro"] = "1"
    if mountoptions:
        values["mountoptions"] = ";".join(sorted(mountoptions))
    return tuple(sorted(values.items()))


def _hostname(name: str, notes: Notes) -> str:
    if not shapes.HOSTNAME.pattern or not shapes.HOSTNAME.pattern.fullmatch(name):
        path: key.Path = ("containers", name)
        text = f"{key.shown(path)} must have a hostname: its name cannot be one"
        notes.complain("missing-key", path, text, 'write hostname = "..." in it')
    return name


def _features(features: Features) -> str:
    words = ("force_rw_sys", "fuse", "keyctl", "mknod", "nesting")
    parts = [f"{word}=1" for word in words if getattr(features, word)]
    if features.mount:
        parts.append("mount=" + ";".join(sorted(features.mount)))
    return ",".join(sorted(parts))


def _startup(startup: Startup) -> str:
    words = ("order", "up", "down")
    pairs = [(word, getattr(startup, word)) for word in words]
    return ",".join(f"{word}={value}" for word, value in pairs if value is not None)


def _device(device: Device) -> str:
    return ",".join([device.path, *_device_parts(device)])


def _device_parts(device: Device) -> Iterator[str]:
    if device.deny_write is not None:
        yield f"deny-write={bit(device.deny_write)}"
    for word in ("gid", "mode", "uid"):
        value = getattr(device, word)
        if value is not None:
            yield f"{word}={value}"


def _description(text: str) -> str:
    return text.strip("\n")


def _words(values: tuple[str, ...]) -> str:
    return " ".join(values)


def _tags(values: tuple[str, ...]) -> str:
    return ";".join(sorted(values))


_SPELLINGS: dict[str, Callable[[Any], str]] = {
    "arch": str,
    "cmode": str,
    "console": bit,
    "cores": str,
    "cpulimit": str,
    "cpuunits": str,
    "debug": bit,
    "description": _description,
    "features": _features,
    "hookscript": str,
    "hostname": str,
    "memory": str,
    "nameserver": _words,
    "onboot": bit,
    "ostype": str,
    "protection": bit,
    "searchdomain": _words,
    "startup": _startup,
    "swap": str,
    "tags": _tags,
    "timezone": str,
    "tty": str,
}
