"""Client and server ends that are one tunnel, by the section's name and the way between them."""

from typing import Any

from offctl.desired import addresses
from offctl_cli.adopt.folding import Folded

Table = dict[str, Any]
BY_NAME = "taken to arrive there by name and port alone: check"


def join(folded: Folded) -> None:
    """Declare a tunnel once whose two ends were found; the others stay with an end unmanaged."""
    tunnels: dict[str, Table] = folded.tables["tunnels"]
    clients = {n: t for n, t in tunnels.items() if "unmanaged" in t["to"]}
    servers = {n: t for n, t in tunnels.items() if "unmanaged" in t["from"]}
    joined: set[str] = set()
    for name, client in clients.items():
        fitting = [other for other, server in servers.items() if _fit(client, server)]
        if len(fitting) != 1:
            if fitting:
                text = f"may arrive at {' or '.join(fitting)}; join the two by hand"
                folded.remark("tunnel", name, text)
            continue
        server = servers[fitting[0]]
        if not _is_certain(client, server):
            folded.remark("tunnel", name, BY_NAME)
        client["to"] = {**server["to"], "address": client["to"]["address"]}
        client["target"] = server["target"]
        client["comment"] = "as people set it up, at both ends"
        joined.add(fitting[0])
        folded.notes.append(f"tunnel {name}: arrives at {fitting[0]}")
    for name in joined:
        del tunnels[name]


def _fit(client: Table, server: Table) -> bool:
    same = ("service", "instance")
    to, accept = client["to"]["address"], str(server["to"]["accept"])
    return (
        all(client.get(word) == server.get(word) for word in same)
        and to.rpartition(":")[2] == accept.rpartition(":")[2]
        and _place(client["from"]) != _place(server["to"])
        and _can_arrive(addresses.host_part(to), addresses.host_part(accept))
    )


def _place(end: Table) -> tuple[str, str]:
    """Where an end runs: a container has its host by its name, a host has no container."""
    return end.get("container", ""), end.get("host", "")


def _can_arrive(to: str, at: str) -> bool:
    """Whether what is sent `to` a host from elsewhere can come in where somebody accepts `at`."""
    sent, taken = addresses.parse(to), addresses.parse(at)
    if "localhost" in (to, at) or any(each and each.is_loopback for each in (sent, taken)):
        return False
    return sent is None or taken is None or taken.is_unspecified or sent == taken


def _is_certain(client: Table, server: Table) -> bool:
    sent = addresses.parse(addresses.host_part(client["to"]["address"]))
    return sent is not None and sent == addresses.parse(
        addresses.host_part(str(server["to"]["accept"]))
    )
