"""The `zfs` program of a simulated host: create, set, inherit, mount, rename, receive, list, get.

There is no destroy, rollback or send here: nothing that this project runs needs them.
"""

from collections.abc import Callable, Sequence

from offctl.desired import properties
from offctl_agent.simulated import pools, zfsarguments, zfslisting, zfsmounts, zfsproperties
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pools import Dataset, Pool
from offctl_agent.simulated.result import CommandError, Result

USAGE = 2


def run(machine: Machine, argv: Sequence[str]) -> Result:
    """Carry out `zfs ARGV`, without the name of the program."""
    command = argv[0] if argv else ""
    if command not in _COMMANDS:
        return Result(USAGE, stderr=f"unrecognized command '{command}'\n")
    try:
        return Result(stdout=_COMMANDS[command](machine, list(argv[1:])))
    except CommandError as error:
        return Result(error.code, stderr=error.message + "\n")


def create(machine: Machine, argv: list[str]) -> str:
    """`zfs create [-p] [-o property=value]... NAME`."""
    settings, flags, names = zfsarguments.options(argv, with_value="o", without="pu")
    name = zfsarguments.one(names)
    act = f"cannot create '{name}'"
    pool = _writable_pool(machine, name, act)
    parent = pools.parent_of(name)
    if name in pool.datasets:
        raise CommandError(f"{act}: dataset already exists")
    if parent not in pool.datasets:
        if "p" not in flags:
            raise CommandError(f"{act}: parent does not exist")
        create(machine, ["-p", parent])
        pool = machine.pools()[pool.name]
    local = zfsarguments.settings(settings, act)
    add(machine, pool, name, Dataset(_guid(machine), local=local))
    if "u" not in flags:
        zfsmounts.mount_if_wanted(machine, name)
    return ""


def add(machine: Machine, pool: Pool, name: str, dataset: Dataset) -> None:
    """Put a new dataset into its pool: its files first, then its entry."""
    machine.store.make_directory(f"zfs/data/{dataset.guid}")
    pool.datasets[name] = dataset
    pools.save(machine.store, pool)


def set_(machine: Machine, argv: list[str]) -> str:
    """`zfs set property=value... NAME...`; one dataset changes wholly or not at all."""
    settings = [word for word in argv if "=" in word]
    names = [word for word in argv if "=" not in word]
    if not settings or not names or argv[: len(settings)] != settings:
        raise CommandError("missing property=value argument or dataset name", USAGE)
    for name in names:
        pool = _existing(machine, name)
        act = f"cannot set property for '{name}'"
        _refuse_read_only(machine, pool.name, act)
        wanted = zfsarguments.settings(settings, act)
        if late := sorted(set(wanted) & properties.CREATION_ONLY):
            raise CommandError(f"{act}: '{late[0]}' is readonly")
        for key, value in wanted.items():
            zfsproperties.store_local(pool.datasets[name], key, value)
        pools.save(machine.store, pool)
        if {"mountpoint", "canmount"} & set(wanted):
            zfsmounts.remount(machine, pool)
    return ""


def inherit(machine: Machine, argv: list[str]) -> str:
    """`zfs inherit property NAME...` (-r and -S are not simulated)."""
    if len(argv) < 2 or argv[0].startswith("-"):
        raise CommandError("missing property or dataset argument", USAGE)
    wanted = properties.ALIASES.get(argv[0], argv[0])
    if wanted in zfsproperties.NOT_INHERITABLE:
        hint = f"\nuse 'zfs set {wanted}=none' to clear" * (wanted in zfsproperties.ZERO_IS_DEFAULT)
        raise CommandError(f"'{wanted}' property cannot be inherited{hint}")
    known = wanted in zfsproperties.DEFAULTS or wanted == "mountpoint"
    if not known and not zfsproperties.is_user(wanted):
        raise CommandError(f"invalid property '{argv[0]}'")
    for name in argv[1:]:
        pool = _existing(machine, name)
        _refuse_read_only(machine, pool.name, f"cannot inherit {wanted} for '{name}'")
        dataset = pool.datasets[name]
        dataset.local.pop(wanted, None)
        if wanted in dataset.received and wanted not in dataset.masked:
            dataset.masked.append(wanted)
        pools.save(machine.store, pool)
        if wanted == "mountpoint":
            zfsmounts.remount(machine, pool)
    return ""


def mount(machine: Machine, argv: list[str]) -> str:
    """`zfs mount`, `zfs mount -a`, `zfs mount NAME`."""
    if not argv:
        return zfslisting.mounted(machine)
    if argv == ["-a"]:
        for pool in machine.pools().values():
            for name in sorted(pool.datasets):
                zfsmounts.mount_if_wanted(machine, name)
        return ""
    name = zfsarguments.one(argv)
    pool = _existing(machine, name)
    act = f"cannot mount '{name}'"
    path = zfsproperties.mountpoint(pool, name).value
    if path == "legacy":
        raise CommandError(f"{act}: legacy mountpoint\nuse mount(8) to mount this filesystem")
    if path == "none":
        raise CommandError(f"{act}: no mountpoint set")
    if zfsproperties.get(pool, name, "canmount").value == "off":
        raise CommandError(f"{act}: 'canmount' property is set to 'off'")
    if machine.mounts().of(pool.datasets[name].guid):
        raise CommandError(f"{act}: filesystem already mounted")
    zfsmounts.attach(machine, pool, name)
    return ""


def unmount(machine: Machine, argv: list[str]) -> str:
    """`zfs unmount NAME|PATH`: what is mounted inside it goes first."""
    name = zfsarguments.one([word for word in argv if word != "-f"])
    if name.startswith("/"):
        found = machine.dataset_name(machine.mounts().place(name).guid)
        if not found or machine.mountpoint(found) != name:
            raise CommandError(f"cannot unmount '{name}': not currently mounted")
        name = found
    pool = _existing(machine, name)
    if machine.mounts().of(pool.datasets[name].guid) is None:
        raise CommandError(f"cannot unmount '{name}': not currently mounted")
    zfsmounts.detach(machine, pool.datasets[name].guid)
    return ""


def rename(machine: Machine, argv: list[str]) -> str:
    """`zfs rename OLD NEW`, children too; mounted ones move, the old directory is removed."""
    if len(argv) != 2 or argv[0].startswith("-"):
        raise CommandError("missing source or target dataset", USAGE)
    old, new = argv
    pool = _existing(machine, old)
    act = f"cannot rename '{old}'"
    zfsarguments.check_name(new, act)
    if pools.pool_of(new) != pool.name or old == pool.name:
        raise CommandError(f"{act}: datasets must be within same pool")
    if new in pool.datasets:
        raise CommandError(f"cannot create '{new}': dataset already exists")
    if pools.parent_of(new) not in pool.datasets:
        raise CommandError(f"cannot create '{new}': parent does not exist")
    moved = [n for n in sorted(pool.datasets) if n == old or n.startswith(f"{old}/")]
    for name in moved:
        pool.datasets[new + name[len(old) :]] = pool.datasets.pop(name)
    pools.save(machine.store, pool)
    zfsmounts.remount(machine, pool)
    return ""


def receive(machine: Machine, argv: list[str]) -> str:
    """`zfs receive [-u] [-o property=value]... NAME`: a replica arrives, properties received."""
    settings, flags, names = zfsarguments.options(argv, with_value="o", without="uF")
    name = zfsarguments.one(names)
    act = f"cannot receive new filesystem stream: destination '{name}'"
    pool = _writable_pool(machine, name, act)
    if name in pool.datasets:
        raise CommandError(f"{act} exists\nmust specify -F to overwrite it")
    if pools.parent_of(name) not in pool.datasets:
        raise CommandError(f"cannot open '{pools.parent_of(name)}': dataset does not exist")
    received = zfsarguments.settings(settings, act)
    add(machine, pool, name, Dataset(_guid(machine), received=received, replica=True))
    if "u" not in flags:
        zfsmounts.mount_if_wanted(machine, name)
    return ""


def _existing(machine: Machine, name: str) -> Pool:
    pool = machine.pools().get(pools.pool_of(name))
    if pool is None or name not in pool.datasets:
        raise CommandError(f"cannot open '{name}': dataset does not exist")
    return pool


def _writable_pool(machine: Machine, name: str, act: str) -> Pool:
    zfsarguments.check_name(name, act)
    pool = machine.pools().get(pools.pool_of(name))
    if pool is None:
        raise CommandError(f"{act}: no such pool '{pools.pool_of(name)}'")
    _refuse_read_only(machine, pool.name, act)
    return pool


def _refuse_read_only(machine: Machine, pool: str, act: str) -> None:
    if machine.faults().pool(pool) == "readonly":
        raise CommandError(f"{act}: pool is read-only")


def _guid(machine: Machine) -> str:
    return machine.random(8).hex()


_COMMANDS: dict[str, Callable[[Machine, list[str]], str]] = {
    "create": create,
    "get": zfslisting.get,
    "inherit": inherit,
    "list": zfslisting.listed,
    "mount": mount,
    "receive": receive,
    "recv": receive,
    "rename": rename,
    "set": set_,
    "umount": unmount,
    "unmount": unmount,
}
