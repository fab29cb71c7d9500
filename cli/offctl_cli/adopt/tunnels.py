"""Client and server ends that are one tunnel, by the section's name and the port between them."""

from typing import Any

from offctl_cli.adopt.folding import Folded

Table = dict[str, Any]


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
        client["to"] = {**server["to"], "address": client["to"]["address"]}
        client["target"] = server["target"]
        client["comment"] = "as people set it up, at both ends"
        joined.add(fitting[0])
        folded.notes.append(f"tunnel {name}: arrives at {fitting[0]}")
    for name in joined:
        del tunnels[name]


def _fit(client: Table, server: Table) -> bool:
    same = ("service", "instance")
    ports = (client["to"]["address"].rpartition(":")[2], str(server["to"]["accept"]))
    return (
        all(client.get(word) == server.get(word) for word in same)
        and ports[0] == ports[1].rpartition(":")[2]
        and client["from"].get("container", "") != server["to"].get("container", "")
    )
