"""Wait until every HOST has said, from now on, that it is in its STATE.

    watching.py SECONDS HOST=STATE...        exit 0 when all have, 1 when the time is over

One connection for the whole wait. `offctl status` again and again costs more than what it looks at:
an interpreter here, and a TLS handshake in a guest that is busy with what is waited for.
"""

from datetime import UTC, datetime
import sys
import time

from offctl import errors
from offctl_cli import connection
from offctl_cli.client import Client

PAUSE = 0.5


def main() -> int:
    """Ask, compare, sleep."""
    since = datetime.now(UTC).replace(microsecond=0)
    until = time.monotonic() + float(sys.argv[1])
    wanted = dict(pair.split("=") for pair in sys.argv[2:])
    with Client(connection.resolve(None, None, None, None)) as client:
        while time.monotonic() < until:
            if wanted.items() <= _said(client, since).items():
                return 0
            time.sleep(PAUSE)
    return 1


def _said(client: Client, since: datetime) -> dict[str, str]:
    """The state of each host that reported after `since`; of none while nobody answers."""
    try:
        hosts = client.list_hosts().hosts
    except (errors.UnreachableError, errors.AdminError):
        # Also what is between us and a coordinator that starts may hang up, which says little.
        return {}
    return {
        host.host: host.state
        for host in hosts
        if host.reported is not None and host.reported > since
    }


if __name__ == "__main__":
    sys.exit(main())
