"""The `pct` program of a simulated host."""

from collections.abc import Callable, Sequence

from offctl.errors import AdminError
from offctl_agent.host import pctconf
from offctl_agent.simulated import pctarguments, pctcreate, pctlife, pctset, running
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pve import DIED, Pve
from offctl_agent.simulated.result import CommandError, Result


def run(machine: Machine, argv: Sequence[str]) -> Result:
    """Carry out `pct ARGV`, without the name of the program."""
    try:
        call = pctarguments.parse(argv)
        output = _COMMANDS[call.command](machine, call)
    except CommandError as error:
        return Result(error.code, stderr=error.message + "\n")
    if call.command in ("set", "start", "reboot"):
        return Result(stderr=output)
    return Result(stdout=output)


def listed(machine: Machine, call: Call) -> str:
    """`pct list`: nothing at all when there are no containers."""
    del call
    pve = Pve(machine)
    try:
        numbers = pve.numbers()
    except AdminError as error:
        raise CommandError(str(error), DIED) from None
    rows = []
    for number in numbers:
        options = pctconf.read(pve.require(number)).main.options
        name = options.get("hostname", f"CT{number}")
        rows.append((str(number), _status(machine, number), options.get("lock", ""), name))
    if rows:
        rows.insert(0, ("VMID", "Status", "Lock", "Name"))
    return "".join(f"{a:<10} {b:<10} {c:<12} {d:<20}\n" for a, b, c, d in rows)


def config(machine: Machine, call: Call) -> str:
    """`pct config`: with what is pending merged in, or with --current without."""
    file = pctconf.read(Pve(machine).require(call.number))
    section = _section(file, call)
    options = dict(section.options)
    if section is file.main and call.options.get("current") != "1":
        pending = dict(file.pending.options)
        for key in pctconf.deletions(pending.pop("delete", "")):
            options.pop(key, None)
        options.update(pending)
    lines = [f"{key}: {_printed(key, options[key])}" for key in sorted(options)]
    lines += [f"{key}: {value}" for key, value in section.raw]
    return "".join(f"{line}\n" for line in lines)


def _section(file: pctconf.File, call: Call) -> pctconf.Section:
    snapshot = call.options.get("snapshot")
    if snapshot is None:
        return file.main
    if "current" in call.options:
        raise CommandError("cannot use 'snapshot' and 'current' together", DIED)
    if snapshot not in file.snapshots:
        raise CommandError(f"snapshot '{snapshot}' does not exist", DIED)
    return file.snapshots[snapshot]


def pending(machine: Machine, call: Call) -> str:
    """`pct pending`: current, new and deleted values."""
    file = pctconf.read(Pve(machine).require(call.number))
    new = dict(file.pending.options)
    gone = pctconf.deletions(new.pop("delete", ""))
    lines = []
    for key in sorted({*file.main.options, *new}):
        if key in gone:
            lines.append(f"del {key}: {_printed(key, file.main.options.get(key, ''))}")
            continue
        if key in file.main.options:
            lines.append(f"cur {key}: {_printed(key, file.main.options[key])}")
        if key in new:
            lines.append(f"new {key}: {_printed(key, new[key])}")
    return "".join(f"{line}\n" for line in lines)


def status(machine: Machine, call: Call) -> str:
    """`pct status`."""
    Pve(machine).require(call.number)
    return f"status: {_status(machine, call.number)}\n"


def unlock(machine: Machine, call: Call) -> str:
    """`pct unlock`: an operator's last resort; the agent never calls it."""
    pve = Pve(machine)
    file = pctconf.read(pve.require(call.number))
    if file.main.options.pop("lock", None) is None:
        raise CommandError("no lock found trying to remove any lock", DIED)
    pve.write_file(call.number, file)
    return ""


def _status(machine: Machine, number: int) -> str:
    return "stopped" if running.load(machine, number) is None else "running"


def _printed(key: str, value: str) -> str:
    if key != "description":
        return value
    return "%0A".join(pctconf.encode_text(line) for line in value.split("\n"))


_COMMANDS: dict[str, Callable[[Machine, Call], str]] = {
    "config": config,
    "create": pctcreate.run,
    "list": listed,
    "pending": pending,
    "reboot": pctlife.reboot,
    "set": pctset.run,
    "shutdown": pctlife.shutdown,
    "start": pctlife.start,
    "status": status,
    "stop": pctlife.stop,
    "unlock": unlock,
}
