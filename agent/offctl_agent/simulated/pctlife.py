"""Starting and stopping containers of a simulated host."""

import itertools
import re

from offctl_agent.host import pctconf, subids
from offctl_agent.simulated import pctvalues, running, stunnel, volumes
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.mounts import Place
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pctset import Changes, bind, check_lock
from offctl_agent.simulated.pve import DIED, NO_QUORUM, Pve
from offctl_agent.simulated.result import CommandError

DEFAULT_IDMAP = ("u 0 100000 65536", "g 0 100000 65536")
_NUMBER = re.compile(r"mp(\d+)")
MOUNTED = "mounted"


def start(machine: Machine, call: Call) -> str:
    """`pct start`. Raises CommandError."""
    pve = Pve(machine)
    file = pctconf.read(pve.require(call.number))
    _refuse_foreign_lock(file, call)
    if running.load(machine, call.number) is not None:
        raise CommandError(f"CT {call.number} already running", DIED)
    if file.main.options.get("template") == "1":
        raise CommandError("you can't start a CT if it's a template", DIED)
    if not pve.quorate():
        raise CommandError(NO_QUORUM, DIED)
    if file.pending.options:
        Changes(machine, call.number, file).apply()
        pve.write_file(call.number, file)
    return launch(machine, call.number, file)


def launch(machine: Machine, number: int, file: pctconf.File) -> str:
    """Make the container run with what its file says now. Raises CommandError."""
    rootfs = file.main.options.get("rootfs", "")
    if problem := volumes.complaint(machine, rootfs.partition(",")[0]):
        raise CommandError(problem, DIED)
    idmap = _idmap(machine, number, file)
    warnings = ""
    mounts: list[running.Bound] = []
    for key in sorted(_mount_keys(file), key=_index):
        parts = pctvalues.mount_parts(file.main.options[key])
        if parts is None:
            warnings += f"vm {number} - unable to parse value of '{key}' - format error\n"
            continue
        mounts.append(_mounted(machine, number, parts, mounts, idmap))
    running.save(machine, number, running.Running(tuple(mounts), idmap))
    return warnings


def stop(machine: Machine, call: Call) -> str:
    """`pct stop`: at once, and allowed without quorum. Raises CommandError."""
    file = pctconf.read(Pve(machine).require(call.number))
    _refuse_foreign_lock(file, call)
    if running.load(machine, call.number) is None:
        raise CommandError(f"CT {call.number} not running", DIED)
    halt(machine, call.number)
    return ""


def shutdown(machine: Machine, call: Call) -> str:
    """`pct shutdown`. Raises CommandError."""
    check_lock(pctconf.read(Pve(machine).require(call.number)))
    if running.load(machine, call.number) is None:
        raise CommandError(f"CT {call.number} not running", DIED)
    halt(machine, call.number)
    return ""


def reboot(machine: Machine, call: Call) -> str:
    """`pct reboot`: stops, applies what is pending, starts. Raises CommandError."""
    pve = Pve(machine)
    check_lock(pctconf.read(pve.require(call.number)))
    if running.load(machine, call.number) is None:
        raise CommandError(f"VM {call.number} not running", DIED)
    halt(machine, call.number)
    if not pve.quorate():
        raise CommandError(NO_QUORUM, DIED)
    return launch(machine, call.number, pctconf.read(pve.require(call.number)))


def halt(machine: Machine, number: int) -> None:
    """The container ends; PVE's post-stop hook applies what waits and rewrites the file."""
    running.forget(machine, number)
    stunnel.forget(machine, number)
    pve = Pve(machine)
    if pve.quorate():
        file = pctconf.read(pve.require(number))
        Changes(machine, number, file).apply()
        pve.write_file(number, file)


def _refuse_foreign_lock(file: pctconf.File, call: Call) -> None:
    if call.options.get("skiplock") != "1":
        check_lock(file, allowed=MOUNTED)


def _mount_keys(file: pctconf.File) -> list[str]:
    keys = (key for key in file.main.options if _NUMBER.fullmatch(key))
    return [key for key in keys if _index(key) < 256]


def _index(key: str) -> int:
    return int(key[2:])


def _mounted(
    machine: Machine,
    number: int,
    parts: dict[str, str],
    before: list[running.Bound],
    idmap: tuple[str, ...],
) -> running.Bound:
    """One mount at start; its directory is made inside whatever is mounted around it."""
    try:
        bound = bind(machine, parts)
    except CommandError as error:
        raise CommandError(
            f"run_buffer: 322 Script exited with status {error.code}\n"
            "lxc_init: 844 Failed to run lxc.hook.pre-start for container "
            f'"{number}"\n__lxc_start: 2027 Failed to initialize container "{number}"\n'
            f"startup for container '{number}' failed",
            DIED,
        ) from None
    outer = [m for m in before if running.covers(m.target, bound.target)]
    if outer and not outer[-1].volume:
        inside = bound.target[len(outer[-1].target.rstrip("/")) + 1 :]
        _make_mount_point(machine, outer[-1].place, inside, idmap)
    return bound


def _make_mount_point(machine: Machine, outer: Place, inside: str, idmap: tuple[str, ...]) -> None:
    if not inside or machine.directory(outer.below(inside)).is_dir():
        return
    machine.make_place(outer.below(inside))
    uid, gid = (_root_of(idmap, kind) for kind in "ug")
    machine.set_owner(outer.below(inside), (uid, gid, 0o755))


def _root_of(idmap: tuple[str, ...], kind: str) -> int:
    """The host id of the container's root."""
    for line in idmap:
        word, inside, outside, _ = line.split()
        if word == kind and inside == "0":
            return int(outside)
    return 0


def _idmap(machine: Machine, number: int, file: pctconf.File) -> tuple[str, ...]:
    """The map in effect; newuidmap refuses what root was not granted. Raises CommandError."""
    lines = tuple(" ".join(v.split()) for key, v in file.main.raw if key == "lxc.idmap")
    if not lines and file.main.options.get("unprivileged") == "1":
        lines = DEFAULT_IDMAP
    for kind, name in subids.FILES:
        granted = subids.parse(kind, machine.store.read(f"etc/{name}") or b"")
        wanted = [_numbers(line) for line in lines if line.split()[:1] == [kind]]
        for inside, outside, count in wanted:
            if not any(s <= outside and outside + count <= s + c for _, s, c in granted):
                raise CommandError(
                    f"lxc_map_ids: 3701 new{kind}idmap failed to write mapping "
                    f'"new{kind}idmap: {kind}id range [{inside}-{inside + count}) -> '
                    f'[{outside}-{outside + count}) not allowed": new{kind}idmap\n'
                    f"startup for container '{number}' failed",
                    DIED,
                )
        _refuse_overlap(sorted(wanted), number)
    return lines


def _refuse_overlap(ranges: list[tuple[int, int, int]], number: int) -> None:
    for (inside, _, count), (after, _, _) in itertools.pairwise(ranges):
        if inside + count > after:
            raise CommandError(
                f"lxc.idmap: invalid map entry: container id {after} is also mapped by another "
                f"entry\nstartup for container '{number}' failed",
                DIED,
            )


def _numbers(line: str) -> tuple[int, int, int]:
    try:
        _, inside, outside, count = line.split()
        return int(inside), int(outside), int(count)
    except ValueError:
        raise CommandError(f"failed to parse lxc.idmap '{line}'", DIED) from None
