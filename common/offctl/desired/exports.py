"""Who a `sharenfs` value lets in: the allow list of exports(5) as zfs writes it."""

import ipaddress

from offctl.desired import addresses

_ACCESS = ("ro", "rw", "root")


def complaint(value: str) -> str:
    """Why the share is open to more than private addresses; empty when it is not shared so."""
    if value == "off":
        return ""
    if value == "on":
        return "'on' shares with the whole world"
    clients = [
        client
        for option in value.split(",")
        for name, _, hosts in [option.partition("=")]
        if name in _ACCESS
        for client in (hosts or "*").split(":@")  # without hosts, zfs exports to everybody
    ]
    if not clients:
        return f"{value!r} names no client"
    for client in clients:
        wrong = _client_complaint(client.removeprefix("@"))
        if wrong:
            return wrong
    return ""


def _client_complaint(client: str) -> str:
    if client == "*":
        return "it shares with the whole world"
    try:
        network = ipaddress.ip_network(client.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return f"client {client!r} is no address range, so nobody can tell who it lets in"
    return "" if addresses.is_internal(network) else f"client {client!r} is not a private range"
