"""`pct create` on a simulated host; killed midway it leaves `lock: create`, as the real one."""

import json

from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctlife, pctvalues, volumes
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pve import DIED, NO_QUORUM, Pve
from offctl_agent.simulated.result import CommandError

_NOT_STORED = frozenset("force password pool start storage".split())
_SYSTEMS = ("debian", "devuan", "ubuntu", "centos", "fedora", "alpine", "gentoo", "nixos")
DEFAULT_GIB = "4"


def run(machine: Machine, call: Call) -> str:
    """Create one container from a template (any template is taken to exist)."""
    pve = Pve(machine)
    if reason := pve.missing():
        raise CommandError(f"ipcc_send_rec[1] failed: Connection refused ({reason})", 111)
    if not pve.quorate():
        raise CommandError(NO_QUORUM, 2)
    _refuse_taken(pve, call.number)
    _check_template(call.positional[0])
    pve.write(call.number, b"lock: create\n")
    allocated: list[str] = []
    try:
        file = pctconf.File()
        file.main.options = _options(machine, call, allocated)
    except CommandError as error:
        for volume in allocated:
            volumes.free(machine, volume)
        pve.remove(call.number)
        raise CommandError(f"unable to create CT {call.number} - {error.message}", DIED) from None
    pve.write_file(call.number, file)
    pve.save_vmlist()
    return _start(machine, call, file)


def _start(machine: Machine, call: Call, file: pctconf.File) -> str:
    """With --start 1 pct reports success even when the start failed."""
    if call.options.get("start") != "1":
        return ""
    try:
        return pctlife.launch(machine, call.number, file)
    except CommandError as error:
        return error.message + "\n"


def _refuse_taken(pve: Pve, number: int) -> None:
    taken = json.loads(pve.vmlist())["ids"].get(str(number))
    if taken is not None:
        kind = "CT" if taken["type"] == "lxc" else "VM"
        raise CommandError(f"{kind} {number} already exists on node '{taken['node']}'", 2)


def _check_template(template: str) -> None:
    if ":" in template and ":vztmpl/" not in template:
        raise CommandError(
            f"unable to use volume {template} - content type needs to be 'vztmpl'", DIED
        )
    if ":" not in template and not template.startswith("/"):
        raise CommandError(f"can't find file '{template}'", DIED)


def _options(machine: Machine, call: Call, allocated: list[str]) -> dict[str, str]:
    given = {k: v for k, v in call.options.items() if k not in _NOT_STORED}
    storage = call.options.get("storage", "local")
    options = {
        "arch": "amd64",
        "hostname": f"CT{call.number}",
        "memory": "512",
        "ostype": _system(call.positional[0]),
        "swap": "512",
    }
    unprivileged = given.pop("unprivileged", "0")
    if unprivileged == "1":
        options["unprivileged"] = "1"
    given.setdefault("rootfs", DEFAULT_GIB)
    for key, value in given.items():
        options[key] = pctvalues.stored(key, value)
        if key.startswith("net"):
            options[key] = pctvalues.network(value, machine.random)
        elif key == "rootfs" or key.startswith("mp"):
            options[key] = _drive(machine, call.number, key, value, storage, allocated)
    return options


def _drive(
    machine: Machine, number: int, key: str, value: str, storage: str, allocated: list[str]
) -> str:
    kind = pctschema.ROOTFS if key == "rootfs" else pctschema.MOUNT_POINT
    parts = pctschema.split(kind, value)
    if not isinstance(parts, dict):
        raise CommandError(f"unable to parse volume '{value}'")
    volume = parts["volume"]
    if volume.replace(".", "", 1).isdecimal():
        volume = f"{storage}:{volume}"
    if match := pctvalues.ALLOCATION.fullmatch(volume):
        volume, parts["size"] = volumes.allocate(machine, number, match[1], match[2])
        allocated.append(volume)
    elif pctvalues.classify(volume) == "bind":
        if machine.obstacle(volume):
            raise CommandError(f"directory '{volume}' does not exist")
    elif ":" not in volume:
        raise CommandError(f"unable to parse volume ID '{volume}'", 25)
    parts["volume"] = volume
    text = ",".join(f"{name}={part}" for name, part in parts.items())
    return pctvalues.mount(text)


def _system(template: str) -> str:
    name = template.rpartition("/")[2]
    return next((system for system in _SYSTEMS if name.startswith(system)), "unmanaged")
