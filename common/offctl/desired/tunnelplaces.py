"""Where stunnel's files stand on every host, and where a container sees its own."""

# The host's own, which only root can write.
ON_HOST = "/var/lib/offctl/tunnels"
# A mount of the container, read-only; Debian's package never puts anything there.
INSIDE = "/etc/stunnel/offctl"


def of_container(number: int) -> str:
    """The host directory that container `number` (0: the host itself) has its files in."""
    return f"{ON_HOST}/{number or 'host'}"
