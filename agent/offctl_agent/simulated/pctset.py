"""`pct set`: what is live, what is stored at once, what waits for a restart."""

from collections.abc import Iterable
import re

from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctidmap, pctvalues, pctworld
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pctworld import DIED, Said, World
from offctl_agent.simulated.result import CommandError

# Stored in the file at once on a running container; the others are live, or wait.
_STORED = frozenset(
    "cores description hookscript hostname lock onboot protection startup tags template".split()
)
_LIVE = frozenset("cpulimit cpuunits memory swap".split())
_LIVE_DELETE = frozenset("cpulimit cpuunits swap".split())
_UNDELETABLE = frozenset({"memory", "rootfs", "ostype"})
_DRIVE = re.compile(r"mp\d+|rootfs")
_KEPT_DRIVE = re.compile(r"mp\d+|unused\d+")
_INTERFACE = re.compile(r"net\d+")
_SINGLE_DIGIT = re.compile(r"net\d")


PATIENCE = 10
LOCK_TIMEOUT = 4


def run(world: World, call: Call, said: Said) -> None:
    """Carry out one `pct set`. Raises CommandError, even when the file is written already."""
    delete, revert = call.words("delete"), call.words("revert")
    wanted = {k: v for k, v in call.options.items() if k not in ("delete", "revert", "digest")}
    if not wanted and not delete and not revert:
        raise CommandError("no options specified", 2)
    _check_words(delete, revert, wanted)
    pctworld.require(world, call.number)
    with world.files.locked(call.number, PATIENCE, LOCK_TIMEOUT):
        file = _current(world, call, said)
        changes = Changes(world, call.number, file)
        said.stderr += changes.delete(delete)
        changes.revert(revert)
        changes.update(wanted)
        if world.containers.is_running(call.number):
            changes.hotplug({*delete, *wanted})
        else:
            changes.apply()
        pctworld.save(world, call.number, file)
        world.containers.configure(call.number, file)


def _current(world: World, call: Call, said: Said) -> pctconf.File:
    content = pctworld.require(world, call.number)
    file = pctworld.read(call.number, content, said.stderr)
    pctworld.check_lock(file)
    digest = call.options.get("digest")
    if digest and digest != pctconf.digest(content):
        raise CommandError(
            "detected modified configuration - file changed by other user? Try again.", DIED
        )
    return file


class Changes:
    """The changes of one call to one configuration, first to its pending section."""

    def __init__(self, world: World, number: int, file: pctconf.File) -> None:
        self._world = world
        self._number = number
        self._file = file
        self._main = file.main.options
        self._pending = file.pending.options

    def delete(self, keys: Iterable[str]) -> list[str]:
        """Queue deletions; returns warnings. Raises CommandError."""
        warnings = []
        for key in keys:
            if key not in self._main and key not in self._pending:
                warnings.append(f"cannot delete '{key}' - not set in current configuration!\n")
                continue
            if key in _UNDELETABLE:
                raise CommandError(f"unable to delete required option '{key}'", DIED)
            if key == "unprivileged":
                raise CommandError(f"unable to delete read-only option: '{key}'", DIED)
            if _KEPT_DRIVE.fullmatch(key):
                self._refuse_protected(f"can't remove CT {self._number} drive '{key}'")
            self._queue({**self._queued(), key: False})
        return warnings

    def revert(self, keys: Iterable[str]) -> None:
        """Forget what waits for these keys."""
        for key in keys:
            self._pending.pop(key, None)
            self._unqueue(key)

    def update(self, wanted: dict[str, str]) -> None:
        """Queue new values. Raises CommandError."""
        for key in sorted(wanted):
            value = wanted[key]
            if _DRIVE.fullmatch(key):
                self._refuse_protected(f"can't update CT {self._number} drive '{key}'")
                self._check_volume(value)
            if key == "unprivileged":
                raise CommandError(f"unable to modify read-only option: '{key}'", DIED)
            if "\n" in value and key != "description":
                raise CommandError(f"detected invalid newline inside property '{key}'", DIED)
            self._pending[key] = pctvalues.stored(key, value)
            self._unqueue(key)
        self._clean()

    def apply(self) -> None:
        """Make everything that waits active, as PVE does on a stopped container."""
        for key in self._queued():
            self._remove(key)
        self._pending.pop("delete", None)
        for key in sorted(self._pending):
            self._main[key] = self._applied(key, self._pending.pop(key))

    def hotplug(self, keys: set[str]) -> None:
        """Make active what a running container can take now. Raises CommandError.

        What was done before a failure stays done, although nothing is written then.
        """
        self._clean()
        for key in sorted(set(self._queued()) & keys):
            if key in _LIVE_DELETE or key in _STORED or _SINGLE_DIGIT.fullmatch(key):
                self._in_effect(key, "")
                self._remove(key)
                self._unqueue(key)
        errors = []
        for key in sorted(set(self._pending) & keys - {"delete"}):
            try:
                self._plug(key)
            except CommandError as error:
                errors.append(f"{key}: unable to hotplug {key}: {error.message}")
        if errors:
            text = "\n".join(["400 Parameter verification failed.", *errors])
            raise CommandError(text, DIED)

    def _plug(self, key: str) -> None:
        """Take over one pending value into the running container, if it can be."""
        is_new_mount = key.startswith("mp") and key not in self._main
        if not (is_new_mount or key in _LIVE or key in _STORED or _INTERFACE.fullmatch(key)):
            return
        if is_new_mount:
            self._check_source(self._pending[key])
        value = self._applied(key, self._pending[key])
        self._in_effect(key, value)
        self._main[key] = value
        del self._pending[key]

    def _in_effect(self, key: str, value: str) -> None:
        containers = self._world.containers
        if key in _LIVE:
            containers.limit(self._number, key, value)
        elif _INTERFACE.fullmatch(key):
            containers.plug_network(self._number, key, value)
        elif key.startswith("mp") and (parts := pctvalues.mount_parts(value)):
            containers.plug_mount(self._number, parts)

    def _check_source(self, value: str) -> None:
        volume = (pctvalues.mount_parts(value) or {}).get("volume", "")
        if pctvalues.classify(volume) != "bind":
            return
        obstacle = self._world.volumes.obstacle(volume)
        if obstacle == "symlink":
            raise CommandError(f"symlink encountered at: {volume}", 20)
        if obstacle:
            raise CommandError(f"directory '{volume}' does not exist", 2)

    def _applied(self, key: str, value: str) -> str:
        if _INTERFACE.fullmatch(key):
            return pctvalues.network(value, self._world.volumes.random)
        if not key.startswith("mp"):
            return value
        parts = pctschema.split(pctschema.MOUNT_POINT, value)
        if not isinstance(parts, dict):
            return value
        if match := pctvalues.ALLOCATION.fullmatch(parts.get("volume", "")):
            root = pctidmap.root(pctidmap.lines(self._file))
            volume, size = self._world.volumes.allocate(self._number, match[1], match[2], root)
            parts |= {"volume": volume, "size": size}
        self._set_aside(key, keep=parts.get("volume", ""))
        return pctvalues.mount(",".join(f"{name}={text}" for name, text in parts.items()))

    def _remove(self, key: str) -> None:
        if key.startswith("mp"):
            self._set_aside(key, keep="")
        value = self._main.pop(key, None)
        if key.startswith("unused") and value:
            self._world.volumes.free(self._number, value)

    def _set_aside(self, key: str, *, keep: str) -> None:
        """A volume that no mount point shows any more is remembered as unusedN."""
        old = pctvalues.mount_parts(self._main.get(key, ""))
        volume = old["volume"] if old else ""
        if not volume or volume == keep or pctvalues.classify(volume) != "volume":
            return
        index = next(i for i in range(256) if f"unused{i}" not in self._main)
        self._main[f"unused{index}"] = volume

    def _clean(self) -> None:
        """A pending value equal to the active one is no change, nor is deleting what is absent."""
        for key in [k for k, v in self._pending.items() if self._main.get(k) == v]:
            del self._pending[key]
        self._queue({k: forced for k, forced in self._queued().items() if k in self._main})

    def _queued(self) -> dict[str, bool]:
        return pctconf.deletions(self._pending.get("delete", ""))

    def _queue(self, keys: dict[str, bool]) -> None:
        text = ",".join(f"{'!' if keys[key] else ''}{key}" for key in sorted(keys))
        if text:
            self._pending["delete"] = text
        else:
            self._pending.pop("delete", None)

    def _unqueue(self, key: str) -> None:
        self._queue({k: forced for k, forced in self._queued().items() if k != key})

    def _refuse_protected(self, act: str) -> None:
        if self._main.get("protection") == "1":
            raise CommandError(f"{act} - protection mode enabled", DIED)

    def _check_volume(self, value: str) -> None:
        parts = pctschema.split(pctschema.MOUNT_POINT, value)
        volume = parts.get("volume", "") if isinstance(parts, dict) else ""
        if pctvalues.classify(volume) == "volume" and ":" not in volume:
            raise CommandError(f"unable to parse volume ID '{volume}'", 25)


def _check_words(delete: list[str], revert: list[str], wanted: dict[str, str]) -> None:
    for name, keys in (("delete", delete), ("revert", revert)):
        for key in keys:
            if pctschema.kind_of(key) is None:
                raise CommandError(f"{name}: unknown option '{key}'", DIED)
            if name == "delete" and key in wanted:
                raise CommandError(
                    f"400 Parameter verification failed.\ndelete: you can't use '-{key}' and "
                    f"-delete {key}' at the same time",
                    DIED,
                )
