"""How the parts of a diagram are called; made only here, so that what is true finds its place."""

from offctl_cli.graph.model import End

PUBLIC = "public"
ROUTE = "route "


def cluster(name: str) -> str:
    return f"cluster {name}"


def host(name: str) -> str:
    return f"host {name}"


def outside(name: str) -> str:
    return f"outside {name}"


def container(name: str) -> str:
    return f"container {name}"


def itself(host: str) -> str:
    """The host as something that does work, not as a box."""
    return f"itself {host}"


def address(group: str, text: str) -> str:
    return f"address {group} {text}"


def data(host: str, owner: str) -> str:
    return f"data {host} {owner}"


def dataset(host: str, owner: str, name: str) -> End:
    return End(data(host, owner), name)


def route(proxy: str, name: str) -> End:
    return End(container(proxy), f"{ROUTE}{name}")


def tunnel(node: str, name: str, role: str) -> End:
    return End(node, f"tunnel {name} {role}")


def end(node: str) -> End:
    """A node as a whole."""
    return End(node)
