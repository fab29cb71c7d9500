# ruff: noqa: RUF009 - declare.* give dataclass fields, made once on purpose
"""[containers.*.networks.*]: one network interface of a container."""

from dataclasses import dataclass
import re

from offctl_cli.site import declare, kinds
from offctl_cli.site.tables import hosts, shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One interface; the name of the table is its name inside the container."""

    role: str | None = declare.optional(
        kinds.Choice(("public", "internal")),
        "Takes bridge, address and gateway of this role from host and cluster.",
        example="internal",
    )
    bridge: str | None = declare.optional(
        shapes.INTERFACE, "Bridge, when it is not the role's.", example="vmbr1"
    )
    index: int | None = declare.optional(
        kinds.Integer(0, 31), "N of netN; left out, its position.", example=0
    )
    hwaddr: str | None = declare.optional(
        kinds.Text(
            "a unicast hardware address",
            re.compile(r"[0-9A-Fa-f][02468ACEace](?::[0-9A-Fa-f]{2}){5}"),
        ),
        "Hardware address to keep; left out, the one PVE gave is kept.",
        example="62:79:6B:52:14:A3",
    )
    ip: str | None = declare.optional(
        shapes.ip_setting("dhcp", "manual"),
        "IPv4 address; left out, an internal interface follows the cluster's rule.",
        example="10.1.0.113/24",
    )
    gateway: str | None = declare.optional(
        shapes.gateway(),
        'IPv4 gateway, or "none"; left out, one interface gets its role\'s, public first.',
        example="10.0.0.2",
    )
    ip6: str | None = declare.optional(
        shapes.ip_setting("auto", "dhcp", "manual"),
        "IPv6 address.",
        example="fd28:7f08:b8fe:0::103/64",
    )
    gateway6: str | None = declare.optional(
        shapes.ADDRESS, "IPv6 gateway.", example="fd28:7f08:b8fe:0::1"
    )
    firewall: bool = declare.optional(
        kinds.Boolean(), "Whether PVE's firewall is on.", example=True, default=True
    )
    tag: int | None = declare.optional(kinds.Integer(1, 4094), "VLAN.", example=12)
    mtu: int | None = declare.optional(kinds.Integer(64, 65535), "MTU.", example=1500)
    rate: str | None = declare.optional(
        kinds.Number(0, 1_000_000), "Limit in megabytes per second.", example=100
    )
    link_down: bool | None = declare.optional(
        kinds.Boolean(), "Whether the link is cut.", example=False
    )
    comment: str | None = hosts.comment()
