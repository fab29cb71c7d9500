"""What a simulated host remembers of who did what, in the files and the forms of a real one.

Its clock shows UTC, and everything is done by root: other people are played by whoever writes here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from offctl.errors import OffctlError
from offctl_agent.host import traces
from offctl_agent.host.traces import Trace, Traces
from offctl_agent.simulated import pools as pool_files
from offctl_agent.simulated.machine import Machine

TASKS = "var/log/pve/tasks"
INDEX = f"{TASKS}/index"
HISTORIES = "zfs/history"
KEPT = 200

_TASK = {
    "create": "vzcreate",
    "reboot": "vzreboot",
    "shutdown": "vzshutdown",
    "start": "vzstart",
    "stop": "vzstop",
}
_COMMANDS = frozenset({"create", "inherit", "receive", "recv", "rename", "set"})


def record(machine: Machine, argv: Sequence[str]) -> None:
    """Note what has been done well, where a real host does."""
    match tuple(argv[:2]):
        case ("pct", command) if command in _TASK and len(argv) > 2:
            _append(machine, INDEX, _task(machine, _TASK[command], argv[2]))
        case ("zfs", command) if command in _COMMANDS:
            when = datetime.fromtimestamp(machine.clock(), UTC).strftime("%Y-%m-%d.%H:%M:%S")
            by = f"[user 0 (root) on {machine.node}:linux]"
            for pool in {pool_files.pool_of(word) for word in argv[2:]} & machine.pools().keys():
                _append(machine, f"{HISTORIES}/{pool}", f"{when} {' '.join(argv)} {by}")


def read(machine: Machine, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
    """What is noted; never raises."""
    found: list[Trace] = []
    unread: list[str] = []
    names = [f"{TASKS}/{name}" for name in ("active", "index")] if tasks else []
    for name in (*names, *(f"{HISTORIES}/{pool}" for pool in pools)):
        try:
            content = machine.store.read(name) or b""
        except OffctlError as error:
            unread.append(str(error))
            continue
        if name.startswith(TASKS):
            found += traces.tasks(content)
        else:
            found += traces.commands(content, name.rpartition("/")[2], _utc)
    return Traces(tuple(found), tuple(unread))


def _utc(said: datetime) -> datetime:
    return said.replace(tzinfo=UTC)


def _task(machine: Machine, how: str, number: str) -> str:
    now = int(machine.clock())
    return f"UPID:{machine.node}:0000ABCD:00012345:{now:08X}:{how}:{number}:root@pam: {now:08X} OK"


def _append(machine: Machine, name: str, line: str) -> None:
    machine.store.make_directory(name.rpartition("/")[0])
    lines = (machine.store.read(name) or b"").splitlines(keepends=True)[-KEPT + 1 :]
    machine.store.write(name, b"".join(lines) + line.encode() + b"\n")
