"""`pct set` on a simulated host: what is live, what is stored at once, what waits for a restart."""

from collections.abc import Iterable
import re

from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctvalues, running, volumes
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pve import DIED, Pve
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


def run(machine: Machine, call: Call) -> str:
    """Carry out one `pct set`; returns what pct warns about. Raises CommandError."""
    delete, revert = call.words("delete"), call.words("revert")
    wanted = {k: v for k, v in call.options.items() if k not in ("delete", "revert", "digest")}
    if not wanted and not delete and not revert:
        raise CommandError("no options specified", 2)
    _check_words(delete, revert, wanted)
    pve = Pve(machine)
    content = pve.require(call.number)
    file = pctconf.read(content)
    check_lock(file)
    digest = call.options.get("digest")
    if digest and digest != pctconf.digest(content):
        raise CommandError(
            "detected modified configuration - file changed by other user? Try again.", DIED
        )
    state = running.load(machine, call.number)
    changes = Changes(machine, call.number, file)
    warnings = changes.delete(delete)
    changes.revert(revert)
    changes.update(wanted)
    if state is None:
        changes.apply()
    else:
        changes.hotplug(state, {*delete, *wanted})
    pve.write_file(call.number, file)
    return warnings


def check_lock(file: pctconf.File, *, allowed: str = "") -> None:
    """Refuse a container that PVE has locked. Raises CommandError."""
    lock = file.main.options.get("lock", "")
    if lock and lock != allowed:
        raise CommandError(f"CT is locked ({lock})", DIED)


class Changes:
    """The changes of one call to one configuration, first to its pending section."""

    def __init__(self, machine: Machine, number: int, file: pctconf.File) -> None:
        self._machine = machine
        self._number = number
        self._main = file.main.options
        self._pending = file.pending.options

    def delete(self, keys: Iterable[str]) -> str:
        """Queue deletions; returns warnings. Raises CommandError."""
        warnings = ""
        for key in keys:
            if key not in self._main and key not in self._pending:
                warnings += f"cannot delete '{key}' - not set in current configuration!\n"
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

    def hotplug(self, state: running.Running, keys: set[str]) -> None:
        """Make active what a running container can take now. Raises CommandError."""
        self._clean()
        for key in sorted(set(self._queued()) & keys):
            live = key in _LIVE_DELETE or key in _STORED or _SINGLE_DIGIT.fullmatch(key)
            if live:
                self._remove(key)
                self._unqueue(key)
        errors = []
        for key in sorted(set(self._pending) & keys - {"delete"}):
            is_new_mount = key.startswith("mp") and key not in self._main
            if is_new_mount:
                try:
                    state = self._plug(key, state)
                except CommandError as error:
                    errors.append(f"{key}: unable to hotplug {key}: {error.message}")
            elif key in _LIVE or key in _STORED or _INTERFACE.fullmatch(key):
                self._main[key] = self._applied(key, self._pending.pop(key))
        if errors:
            text = "\n".join(["400 Parameter verification failed.", *errors])
            raise CommandError(text, DIED)

    def _plug(self, key: str, state: running.Running) -> running.Running:
        """Mount a new mount point into the running container."""
        value = self._applied(key, self._pending[key])
        parts = pctvalues.mount_parts(value) or {}
        bound = bind(self._machine, parts)
        state = running.Running((*state.mounts, bound), state.idmap)
        running.save(self._machine, self._number, state)
        self._main[key] = value
        del self._pending[key]
        return state

    def _applied(self, key: str, value: str) -> str:
        if _INTERFACE.fullmatch(key):
            return pctvalues.network(value, self._machine.random)
        if not key.startswith("mp"):
            return value
        parts = pctschema.split(pctschema.MOUNT_POINT, value)
        if not isinstance(parts, dict):
            return value
        if match := pctvalues.ALLOCATION.fullmatch(parts.get("volume", "")):
            volume, size = volumes.allocate(self._machine, self._number, match[1], match[2])
            parts |= {"volume": volume, "size": size}
        self._set_aside(key, keep=parts.get("volume", ""))
        return pctvalues.mount(",".join(f"{name}={text}" for name, text in parts.items()))

    def _remove(self, key: str) -> None:
        if key.startswith("mp"):
            self._set_aside(key, keep="")
        self._main.pop(key, None)

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


def bind(machine: Machine, parts: dict[str, str]) -> running.Bound:
    """One mount as a container gets it now. Raises CommandError naming a bad source."""
    volume, target = parts["volume"], "/" + parts["mp"].strip("/")
    if pctvalues.classify(volume) != "bind":
        return running.Bound(target, "", "", volume)
    obstacle = machine.obstacle(volume)
    if obstacle == "symlink":
        raise CommandError(f"symlink encountered at: {volume}", 20)
    if obstacle:
        raise CommandError(
            f"directory '{volume}' does not exist", 2 if obstacle == "missing" else 20
        )
    place = machine.mounts().place(volume)
    return running.Bound(target, place.guid, place.path)


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
