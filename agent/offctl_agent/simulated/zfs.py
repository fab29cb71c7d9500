"""The `zfs` program of a simulated host: create, set, inherit, mount, rename, receive, list, get.

There is no destroy, rollback or send here: nothing that this project runs needs them.
"""

from collections.abc import Callable, Sequence
import os
import re

from offctl.desired import properties
from offctl_agent.simulated import pools, zfslisting, zfsproperties
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pools import Dataset, Pool
from offctl_agent.simulated.result import CommandError, Result
from offctl_agent.simulated.running import detach_below
from offctl_agent.simulated.store import Store

USAGE = 2
_COMPONENT = re.compile(r"[A-Za-z0-9_.: -]+")
_MAX_NAME = 255


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
    settings, flags, names = options(argv, with_value="o", without="pu")
    name = _one(names)
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
    local = _settings(settings, act)
    add(machine, pool, name, Dataset(_guid(machine), local=local))
    if "u" not in flags:
        mount_if_wanted(machine, name)
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
        wanted = _settings(settings, act)
        if late := sorted(set(wanted) & properties.CREATION_ONLY):
            raise CommandError(f"{act}: '{late[0]}' is readonly")
        for key, value in wanted.items():
            zfsproperties.store_local(pool.datasets[name], key, value)
        pools.save(machine.store, pool)
        if {"mountpoint", "canmount"} & set(wanted):
            _remount(machine, pool)
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
            _remount(machine, pool)
    return ""


def mount(machine: Machine, argv: list[str]) -> str:
    """`zfs mount`, `zfs mount -a`, `zfs mount NAME`."""
    if not argv:
        return zfslisting.mounted(machine)
    if argv == ["-a"]:
        for pool in machine.pools().values():
            for name in sorted(pool.datasets):
                mount_if_wanted(machine, name)
        return ""
    name = _one(argv)
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
    attach(machine, pool, name)
    return ""


def mount_if_wanted(machine: Machine, name: str) -> None:
    """What ZFS does by itself after create, import and `mount -a`."""
    pool = machine.pools()[pools.pool_of(name)]
    dataset = pool.datasets[name]
    wanted = zfsproperties.get(pool, name, "canmount").value == "on"
    path = zfsproperties.mountpoint(pool, name).value
    mountable = dataset.kind == "filesystem" and path not in ("none", "legacy")
    if wanted and mountable and machine.mounts().of(dataset.guid) is None:
        attach(machine, pool, name)


def attach(machine: Machine, pool: Pool, name: str) -> None:
    """Mount a dataset at its mountpoint, which is made when it is missing."""
    path = zfsproperties.mountpoint(pool, name).value
    table = machine.mounts()
    under = table.place(path)
    directory = machine.directory(under)
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise CommandError(f"cannot mount '{path}': mountpoint is not a directory")
    overlay = zfsproperties.get(pool, name, "overlay").value == "on"
    if not overlay and directory.is_dir() and any(os.scandir(directory)):
        raise CommandError(f"cannot mount '{path}': directory is not empty")
    machine.make_place(under)
    machine.save_mounts(table.with_mount(pool.datasets[name].guid, path))


def unmount(machine: Machine, argv: list[str]) -> str:
    """`zfs unmount NAME|PATH`: what is mounted inside it goes first."""
    name = _one([word for word in argv if word != "-f"])
    if name.startswith("/"):
        found = machine.dataset_name(machine.mounts().place(name).guid)
        if not found or machine.mountpoint(found) != name:
            raise CommandError(f"cannot unmount '{name}': not currently mounted")
        name = found
    pool = _existing(machine, name)
    if machine.mounts().of(pool.datasets[name].guid) is None:
        raise CommandError(f"cannot unmount '{name}': not currently mounted")
    detach(machine, pool.datasets[name].guid)
    return ""


def detach(machine: Machine, guid: str) -> None:
    """Unmount a dataset after everything that is mounted on it."""
    table = machine.mounts()
    here = table.of(guid)
    if here is None:
        return
    for inner in table.on(here):
        detach(machine, inner.guid)
    machine.save_mounts(machine.mounts().without(guid))


def rename(machine: Machine, argv: list[str]) -> str:
    """`zfs rename OLD NEW`, children too; mounted ones move, the old directory is removed."""
    if len(argv) != 2 or argv[0].startswith("-"):
        raise CommandError("missing source or target dataset", USAGE)
    old, new = argv
    pool = _existing(machine, old)
    act = f"cannot rename '{old}'"
    _check_name(new, act)
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
    _remount(machine, pool)
    return ""


def receive(machine: Machine, argv: list[str]) -> str:
    """`zfs receive [-u] [-o property=value]... NAME`: a replica arrives, properties received."""
    settings, flags, names = options(argv, with_value="o", without="uF")
    name = _one(names)
    act = f"cannot receive new filesystem stream: destination '{name}'"
    pool = _writable_pool(machine, name, act)
    if name in pool.datasets:
        raise CommandError(f"{act} exists\nmust specify -F to overwrite it")
    if pools.parent_of(name) not in pool.datasets:
        raise CommandError(f"cannot open '{pools.parent_of(name)}': dataset does not exist")
    received = _settings(settings, act)
    add(machine, pool, name, Dataset(_guid(machine), received=received, replica=True))
    if "u" not in flags:
        mount_if_wanted(machine, name)
    return ""


def options(
    argv: Sequence[str], *, with_value: str, without: str
) -> tuple[list[str], set[str], list[str]]:
    """Values of `-o`, the flags, and the rest. Raises CommandError for anything unknown."""
    values: list[str] = []
    flags: set[str] = set()
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("-") or word == "-" or rest:
            rest.append(word)
        elif word[1:2] in with_value:
            value = word[2:] or next(words, "")
            if not value:
                raise CommandError(f"missing argument for '{word[1:]}' option", USAGE)
            values.append(value)
        elif set(word[1:]) <= set(without):
            flags.update(word[1:])
        else:
            raise CommandError(f"invalid option '{word[1:]}'", USAGE)
    return values, flags, rest


def _settings(settings: list[str], act: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise CommandError(f"missing '=' for property=value argument '{setting}'", USAGE)
        full, text = zfsproperties.checked(key, value, act=act)
        if full in found:
            raise CommandError(f"property '{full}' specified multiple times", USAGE)
        found[full] = text
    return {
        key: value
        for key, value in found.items()
        if not (key in zfsproperties.ZERO_IS_DEFAULT and value == "0" and "create" in act)
    }


def _one(names: list[str]) -> str:
    if len(names) != 1:
        raise CommandError("missing dataset argument" if not names else "too many arguments", USAGE)
    return names[0]


def _check_name(name: str, act: str) -> None:
    if len(name) > _MAX_NAME:
        raise CommandError(f"{act}: name is too long")
    for component in name.split("/"):
        if not component:
            raise CommandError(f"{act}: empty component or misplaced '@' or '#' delimiter in name")
        if not _COMPONENT.fullmatch(component):
            wrong = next(c for c in component if not _COMPONENT.fullmatch(c))
            raise CommandError(f"{act}: invalid character '{wrong}' in name")


def _existing(machine: Machine, name: str) -> Pool:
    pool = machine.pools().get(pools.pool_of(name))
    if pool is None or name not in pool.datasets:
        raise CommandError(f"cannot open '{name}': dataset does not exist")
    return pool


def _writable_pool(machine: Machine, name: str, act: str) -> Pool:
    _check_name(name, act)
    pool = machine.pools().get(pools.pool_of(name))
    if pool is None:
        raise CommandError(f"{act}: no such pool '{pools.pool_of(name)}'")
    _refuse_read_only(machine, pool.name, act)
    return pool


def _refuse_read_only(machine: Machine, pool: str, act: str) -> None:
    if machine.faults().pool(pool) == "readonly":
        raise CommandError(f"{act}: pool is read-only")


def _remount(machine: Machine, pool: Pool) -> None:
    """Move every mount whose mountpoint is another one now; the old directories go."""
    for name in sorted(pool.datasets):
        guid = pool.datasets[name].guid
        here = machine.mounts().of(guid)
        path = zfsproperties.mountpoint(pool, name).value
        off = zfsproperties.get(pool, name, "canmount").value == "off"
        if here is None or (here.path == path and not off):
            continue
        detach(machine, guid)
        _remove_mountpoint(machine, here.path)
        if not off and path not in ("none", "legacy"):
            attach(machine, pool, name)
    for name in sorted(pool.datasets):
        mount_if_wanted(machine, name)


def _remove_mountpoint(machine: Machine, path: str) -> None:
    """ZFS removes the directory; Linux then tears mounts on it out of every container."""
    place = machine.mounts().place(path)
    directory = machine.directory(place)
    if not directory.is_dir() or any(os.scandir(directory)) or not place.path:
        return
    store: Store = machine.store
    store.remove_directory(str(directory.relative_to(store.root)))
    detach_below(machine, place)


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
