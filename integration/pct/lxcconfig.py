"""The LXC configuration that PVE generates from a container's file. Pure."""

from collections.abc import Callable, Collection

from offctl_agent.host import pctconf, pctschema
from offctl_agent.simulated import pctidmap, pctvalues
from offctl_agent.simulated.result import CommandError

HOOK = "/usr/share/lxc/hooks/pct-stand-in"
CPU_PERIOD = 100000
SWAP_DEFAULT = "0"
# Whom init has to be sent what to make it stop.
_HALT = {"alpine": "SIGUSR1"}
MIB = 1024**2


def render(
    number: int,
    file: pctconf.File,
    *,
    bridges: Collection[str],
    processors: int,
    random: Callable[[int], bytes],
) -> str:
    """The text of /var/lib/lxc/ID/config. Raises CommandError for a missing bridge."""
    options, idmap = file.main.options, pctidmap.lines(file)
    lines = ["lxc.include = /usr/share/lxc/config/common.conf"]
    if idmap:
        lines.append("lxc.include = /usr/share/lxc/config/userns.conf")
    lines += [
        f"lxc.uts.name = {options.get('hostname', f'CT{number}').partition('.')[0]}",
        f"lxc.rootfs.path = /var/lib/lxc/{number}/rootfs",
        f"lxc.tty.max = {options.get('tty', '2')}",
        "lxc.environment = TERM=linux",
        "lxc.apparmor.profile = unconfined",
        # The mounts of the hook are seen by the container and its monitor alone.
        "lxc.monitor.unshare = 1",
        f"lxc.hook.pre-start = {HOOK}",
        f"lxc.hook.post-stop = {HOOK}",
        "lxc.cgroup.relative = 0",
        f"lxc.cgroup.dir.monitor = lxc.monitor/{number}",
        f"lxc.cgroup.dir.container = lxc/{number}",
        "lxc.cgroup.dir.container.inner = ns",
    ]
    if signal := _HALT.get(options.get("ostype", "")):
        lines.append(f"lxc.signal.halt = {signal}")
    lines += [f"lxc.cgroup2.{key} = {text}" for key, text in limits(options, processors)]
    lines += _networks(number, options, bridges, random)
    lines += [f"lxc.idmap = {line}" for line in idmap]
    lines += [f"{key} = {value}" for key, value in file.main.raw if key != pctidmap.KEY]
    return "".join(f"{line}\n" for line in lines)


def limits(options: dict[str, str], processors: int) -> list[tuple[str, str]]:
    """The control group files and what is written to them."""
    found = [limit(key, options.get(key, "")) for key in ("memory", "swap")]
    found += [limit(key, options[key]) for key in ("cpulimit", "cpuunits") if key in options]
    cores = int(options.get("cores", processors))
    if cores < processors:
        found.append(("cpuset.cpus", f"0-{cores - 1}" if cores > 1 else "0"))
    return found


def limit(key: str, value: str) -> tuple[str, str]:
    """The control group file of one option, and its text; empty means no limit or the default."""
    match key:
        case "memory":
            return "memory.max", str(int(value or "512") * MIB)
        case "swap":
            return "memory.swap.max", str(int(value or SWAP_DEFAULT) * MIB)
        case "cpulimit":
            quota = int(float(value or "0") * CPU_PERIOD)
            return "cpu.max", f"{quota or 'max'} {CPU_PERIOD}"
        case _:
            return "cpu.weight", str(min(max(int(value or "100"), 1), 10000))


def host_interface(number: int, index: int) -> str:
    """The name of an interface's end on the host."""
    return f"veth{number}i{index}"


def _networks(
    number: int,
    options: dict[str, str],
    bridges: Collection[str],
    random: Callable[[int], bytes],
) -> list[str]:
    lines = []
    for index, parts in pctvalues.networks(options):
        bridge = parts.get("bridge", "")
        if bridge not in bridges:
            raise CommandError(f"bridge '{bridge}' does not exist", 2)
        # A line written by hand without an address gets another one each time.
        whole = pctschema.split(pctschema.NETWORK, pctvalues.network(_text(parts), random))
        address = whole["hwaddr"] if isinstance(whole, dict) else ""
        net = f"lxc.net.{index}"
        lines += [
            f"{net}.type = veth",
            f"{net}.veth.pair = {host_interface(number, index)}",
            f"{net}.name = {parts['name']}",
            f"{net}.link = {bridge}",
            f"{net}.hwaddr = {address}",
            f"{net}.flags = up",
        ]
    return lines


def _text(parts: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in parts.items())
