"""/etc/pve/.vmlist: every guest id of the cluster and the node it lives on. Pure."""

import json

from offctl import errors


def parse(content: bytes) -> tuple[tuple[int, str, str], ...]:
    """(id, "lxc" or "qemu", node), sorted by id; raises MalformedError for anything else."""
    try:
        ids = json.loads(content)["ids"]
        return tuple(
            sorted((int(number), str(e["type"]), str(e["node"])) for number, e in ids.items())
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise errors.MalformedError(
            f"cannot read .vmlist: {type(error).__name__}", hint="is pve-cluster running?"
        ) from None
