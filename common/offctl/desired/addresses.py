"""What kind of address a text is: nowhere to resolve, nothing to ask. Names stay names."""

import ipaddress

MAX_INTERFACE = 49

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not `is_private`: that also covers documentation, benchmark and reserved ranges, which nobody
# filters. RFC 1918, RFC 4193 and the two loopbacks only.
_INTERNAL: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1")
)


def parse(text: str) -> Address | None:
    """The address, without brackets or zone; None when `text` is a name or nothing at all."""
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None


def complaint(text: str) -> str:
    """Why `text` is not an address; empty when it is."""
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        return str(error)
    return ""


def interface_complaint(text: str) -> str:
    """Why `text` is not an address with its prefix length; empty when it is."""
    if "/" not in text:
        return "write the prefix length too, such as /24"
    try:
        ipaddress.ip_interface(text)
    except ValueError as error:
        return str(error)
    return ""


def host_part(endpoint: str) -> str:
    """The part before the last colon: `10.0.0.1:80`, `2a06::5:80` (without brackets) or ``."""
    return endpoint.rpartition(":")[0]


def is_internal(network: Address | Network) -> bool:
    """Whether every address in it is private or loopback."""
    whole = network if isinstance(network, Network) else ipaddress.ip_network(network)
    return any(_within(whole, internal) for internal in _INTERNAL)


def _within(inner: Network, outer: Network) -> bool:
    return (
        inner.version == outer.version
        and inner.prefixlen >= outer.prefixlen
        and inner.network_address in outer
    )
