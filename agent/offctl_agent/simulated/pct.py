"""The `pct` program, on whatever world it is given. Which one that is only changes what happens."""

from collections.abc import Callable, Sequence

from offctl.errors import AdminError
from offctl_agent.host import pctconf
from offctl_agent.simulated import pctarguments, pctcreate, pctlife, pctset, pctworld
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pctworld import DIED, Said, World
from offctl_agent.simulated.result import CommandError, Result

# What PVE does in a worker of its own: the last words of a failure are one line.
TASKS = frozenset({"create", "reboot", "shutdown", "start", "stop"})


def run(world: World, argv: Sequence[str]) -> Result:
    """Carry out `pct ARGV`, without the name of the program."""
    said = Said()
    command = ""
    try:
        call = pctarguments.parse(argv)
        command = call.command
        if command == "exec":
            return _execute(world, call)
        _COMMANDS[command](world, call, said)
    except CommandError as error:
        message = error.message.replace("\n", " ") if command in TASKS else error.message
        said.stderr.append(message + "\n")
        return said.result(error.code)
    return said.result()


def listed(world: World, call: Call, said: Said) -> None:
    """`pct list`: nothing at all when there are no containers."""
    del call
    try:
        numbers = world.files.numbers()
    except AdminError as error:
        raise CommandError(str(error), DIED) from None
    rows = []
    for number in numbers:
        options = pctworld.load(world, number, said.stderr).main.options
        name = options.get("hostname", f"CT{number}")
        rows.append((str(number), _status(world, number), options.get("lock", ""), name))
    if rows:
        rows.insert(0, ("VMID", "Status", "Lock", "Name"))
    said.stdout += [f"{a:<10} {b:<10} {c:<12} {d:<20}\n" for a, b, c, d in rows]


def config(world: World, call: Call, said: Said) -> None:
    """`pct config`: with what is pending merged in, or with --current without."""
    file = pctworld.load(world, call.number, said.stderr)
    section = _section(file, call)
    options = dict(section.options)
    if section is file.main and call.options.get("current") != "1":
        pending = dict(file.pending.options)
        for key in pctconf.deletions(pending.pop("delete", "")):
            options.pop(key, None)
        options.update(pending)
    lines = [f"{key}: {_printed(key, options[key])}" for key in sorted(options)]
    lines += [f"{key}: {value}" for key, value in section.raw]
    said.stdout += [f"{line}\n" for line in lines]


def _section(file: pctconf.File, call: Call) -> pctconf.Section:
    snapshot = call.options.get("snapshot")
    if snapshot is None:
        return file.main
    if "current" in call.options:
        raise CommandError("cannot use 'snapshot' and 'current' together", DIED)
    if snapshot not in file.snapshots:
        raise CommandError(f"snapshot '{snapshot}' does not exist", DIED)
    return file.snapshots[snapshot]


def pending(world: World, call: Call, said: Said) -> None:
    """`pct pending`: current, new and deleted values."""
    file = pctworld.load(world, call.number, said.stderr)
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
    said.stdout += [f"{line}\n" for line in lines]


def status(world: World, call: Call, said: Said) -> None:
    """`pct status`."""
    pctworld.load(world, call.number, said.stderr)
    said.stdout.append(f"status: {_status(world, call.number)}\n")


def unlock(world: World, call: Call, said: Said) -> None:
    """`pct unlock`: an operator's last resort; the agent never calls it."""
    file = pctworld.load(world, call.number, said.stderr)
    if file.main.options.pop("lock", None) is None:
        raise CommandError("no lock found trying to remove any lock", DIED)
    pctworld.save(world, call.number, file)


def _execute(world: World, call: Call) -> Result:
    pctworld.require(world, call.number)
    if not world.containers.is_running(call.number):
        raise CommandError(f"container '{call.number}' not running!", DIED)
    keep = call.options.get("keep-env", "1") == "1"
    return world.containers.execute(call.number, call.positional, keep_environment=keep)


def _status(world: World, number: int) -> str:
    return "running" if world.containers.is_running(number) else "stopped"


def _printed(key: str, value: str) -> str:
    if key != "description":
        return value
    return "%0A".join(pctconf.encode_text(line) for line in value.split("\n"))


_COMMANDS: dict[str, Callable[[World, Call, Said], None]] = {
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
