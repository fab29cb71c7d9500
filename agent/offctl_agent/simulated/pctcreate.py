"""`pct create`; killed midway it leaves `lock: create`, as the real one."""

from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctidmap, pctlife, pctvalues, pctworld
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pctworld import DIED, NO_QUORUM, REFUSED, Said, World
from offctl_agent.simulated.result import CommandError

PATIENCE = 5
LOCK_TIMEOUT = 4
DEFAULT_GIB = "4"
_NOT_STORED = frozenset("force ignore-unpack-errors password pool start storage".split())


def run(world: World, call: Call, said: Said) -> None:
    """Create one container from a template. Raises CommandError."""
    number, template = call.number, call.positional[0]
    if world.files.missing():
        raise CommandError(REFUSED, 111)
    if not world.files.quorate():
        raise CommandError(NO_QUORUM, 2)
    if any(key.startswith("mp") for key in call.options) and "rootfs" not in call.options:
        raise CommandError("mount points configured, but 'rootfs' not set - aborting", DIED)
    with world.files.locked(number, PATIENCE, LOCK_TIMEOUT):
        _refuse_taken(world, number)
        world.volumes.check_template(template)
        world.files.write(number, b"lock: create\n")
    file = pctconf.File()
    allocated: list[str] = []
    try:
        _fill(world, call, file, allocated)
        found = world.volumes.extract(number, file, template)
        system = file.main.options.setdefault("ostype", found)
    except CommandError as error:
        for volume in allocated:
            world.volumes.free(number, volume)
        world.files.remove(number)
        raise CommandError(f"unable to create CT {number} - {error.message}", DIED) from None
    if system != found:
        said.stdout.append(f"got unexpected ostype ({found} != {system})\n")
    pctworld.save(world, number, file)
    if call.options.get("start") == "1":
        _start(world, number, said)


def _start(world: World, number: int, said: Said) -> None:
    """With --start 1 pct reports success even when the start failed."""
    try:
        pctlife.launch(world, number, said)
    except CommandError as error:
        said.stdout.append(error.message + "\n")


def _refuse_taken(world: World, number: int) -> None:
    taken = world.files.guest(number)
    if taken is not None:
        kind = "CT" if taken[0] == "lxc" else "VM"
        raise CommandError(f"{kind} {number} already exists on node '{taken[1]}'", 2)


def _fill(world: World, call: Call, file: pctconf.File, allocated: list[str]) -> None:
    """Fill in the options of the new file, allocating its volumes."""
    given = {k: v for k, v in call.options.items() if k not in _NOT_STORED}
    options = file.main.options
    options |= {
        "arch": "amd64",
        "hostname": f"CT{call.number}",
        "memory": "512",
        "swap": "512",
    }
    if given.pop("unprivileged", "0") == "1":
        options["unprivileged"] = "1"
    root = pctidmap.root(pctidmap.lines(file))
    storage = call.options.get("storage", "local")
    given.setdefault("rootfs", DEFAULT_GIB)
    for key, value in given.items():
        options[key] = pctvalues.stored(key, value)
        if key.startswith("net"):
            options[key] = pctvalues.network(value, world.volumes.random)
        elif key == "rootfs" or key.startswith("mp"):
            kind = pctschema.ROOTFS if key == "rootfs" else pctschema.MOUNT_POINT
            parts = pctschema.split(kind, value)
            if not isinstance(parts, dict):
                raise CommandError(f"unable to parse volume '{value}'")
            options[key] = _drive(world, call.number, parts, storage, root, allocated)


def _drive(
    world: World,
    number: int,
    parts: dict[str, str],
    storage: str,
    root: tuple[int, int],
    allocated: list[str],
) -> str:
    volume = parts["volume"]
    if volume.replace(".", "", 1).isdecimal():
        volume = f"{storage}:{volume}"
    if match := pctvalues.ALLOCATION.fullmatch(volume):
        volume, parts["size"] = world.volumes.allocate(number, match[1], match[2], root)
        allocated.append(volume)
    elif pctvalues.classify(volume) == "bind":
        if world.volumes.obstacle(volume):
            raise CommandError(f"directory '{volume}' does not exist")
    elif ":" not in volume:
        raise CommandError(f"unable to parse volume ID '{volume}'", 25)
    parts["volume"] = volume
    return pctvalues.mount(",".join(f"{name}={part}" for name, part in parts.items()))
