"""Bridges of the host, and interfaces of running containers."""

from pathlib import Path

from integration.pct import lxcconfig, programs
from offctl_agent.host import pctschema
from offctl_agent.simulated.result import CommandError


def bridges() -> frozenset[str]:
    """The bridges there are."""
    return frozenset(path.parent.name for path in Path("/sys/class/net").glob("*/bridge"))


def plug(number: int, index: int, value: str, pid: int) -> None:
    """Replace an interface; an empty value only removes it. Raises CommandError."""
    outside = lxcconfig.host_interface(number, index)
    if Path("/sys/class/net", outside).exists():
        programs.run(["ip", "link", "delete", outside])
    parts = pctschema.split(pctschema.NETWORK, value)
    if not value or not isinstance(parts, dict):
        return
    bridge, name = parts.get("bridge", ""), parts["name"]
    if bridge not in bridges():
        raise CommandError(f"bridge '{bridge}' does not exist", 2)
    peer = f"{outside}p"
    pair = ["type", "veth", "peer", "name", peer, "address", parts["hwaddr"]]
    programs.run(["ip", "link", "add", outside, *pair])
    programs.run(["ip", "link", "set", outside, "master", bridge, "up"])
    programs.run(["ip", "link", "set", peer, "netns", str(pid), "name", name])
    inside = ["nsenter", "-t", str(pid), "-n", "ip"]
    programs.run([*inside, "link", "set", name, "up"])
    for key, gateway in (("ip", "gw"), ("ip6", "gw6")):
        if "/" in parts.get(key, ""):
            programs.run([*inside, "address", "add", parts[key], "dev", name])
        if gateway in parts:
            programs.run([*inside, "route", "add", "default", "via", parts[gateway]])
