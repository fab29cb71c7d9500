"""Whose doing a difference is, as far as the host's own records tell. Pure.

Evidence, never a verdict: the newest record between two looks that can have led to what is seen.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
import re

from offctl.planner import running
from offctl.planner.datasets import MOUNTED
from offctl.planner.draft import ABSENT
from offctl.planner.ledger import EXISTS
from offctl.report import Difference
from offctl_agent.host.traces import Trace

_STOPPING = frozenset({"vzstop", "vzshutdown", "vzsuspend"})
_STARTING = frozenset({"vzstart", "vzreboot", "vzresume"})
_REMOVING = frozenset({"vzdestroy", "vzmigrate"})
# All that changes a container's file in a task; for `pct set` PVE keeps none.
_REWRITING = frozenset({"vzrollback", "vzrestore", "vzcreate", "resize", "move_volume"})
_ARRIVING = frozenset({"zfs receive", "zfs recv", "zfs rollback"})
_MOUNTING = frozenset({"mountpoint", "canmount"})

_CONTAINER = re.compile(r"(?:container|mount) (\d+)(?::.*)?", re.DOTALL)
_DATASET = re.compile(r"dataset (.+)", re.DOTALL)


def container(key: str) -> str:
    """The number of the container a resource belongs to; empty when it belongs to none."""
    match = _CONTAINER.fullmatch(key)
    return match[1] if match else ""


def dataset(key: str) -> str:
    """The dataset a resource is; empty when it is none."""
    match = _DATASET.fullmatch(key)
    return match[1] if match else ""


def find(
    key: str, difference: Difference, among: Iterable[Trace], after: datetime, before: datetime
) -> tuple[Trace | None, str]:
    """The record that can have led to a difference, or None and why there is none."""
    seen = [trace for trace in among if after <= trace.time <= before]
    if number := container(key):
        return _of_container(difference, [t for t in seen if t.target == number])
    if name := dataset(key):
        found = _newest(t for t in seen if _touches(t, name, difference))
        return found, "" if found else _untold(difference)
    return None, "nothing on this host records who changes it"


def _of_container(difference: Difference, seen: list[Trace]) -> tuple[Trace | None, str]:
    if difference.field == running.RUN and difference.observed == running.STOPPED:
        newest = _newest(t for t in seen if t.how in _STOPPING | _STARTING)
        if newest is None or newest.how in _STARTING:
            return None, "no task of PVE stopped it: it ended by itself, or from inside"
        return newest, ""
    kinds, untold = _REWRITING, "PVE keeps no task of it"
    if difference.field == running.RUN:
        kinds, untold = _STARTING, "no task of PVE started it"
    elif (difference.field, difference.observed) == (EXISTS, ABSENT):
        kinds, untold = _REMOVING, "no task of PVE removed it"
    found = _newest(t for t in seen if t.how in kinds and not _first(t, seen))
    return found, "" if found else untold


def _first(trace: Trace, seen: list[Trace]) -> bool:
    """Whether a container was made that had not been taken away before: by us, in the run that
    looked last. Who changed it afterwards has left no task.
    """
    removed = (t.time for t in seen if t.how in _REMOVING)
    return trace.how == "vzcreate" and not any(time <= trace.time for time in removed)


def _touches(trace: Trace, name: str, difference: Difference) -> bool:
    above = name.startswith(f"{trace.target}/")
    if difference.field == EXISTS:
        renamed = trace.how == "zfs rename"
        return (renamed or trace.how == "zfs destroy") and (trace.target == name or above)
    if difference.field == MOUNTED:
        moved = trace.how == "zfs rename" or any(key in _MOUNTING for key, _ in trace.values)
        return moved and (trace.target == name or above)
    if trace.target != name and not (above and trace.deep):
        return False
    if trace.how in _ARRIVING:
        return True
    # Who set what is desired did not make it different.
    return any(k == difference.field and v != difference.desired for k, v in trace.values)


def _untold(difference: Difference) -> str:
    if difference.field == MOUNTED:
        return "ZFS keeps no record of mounts"
    return "the history of its pool has nothing of it"


def _newest(traces: Iterable[Trace]) -> Trace | None:
    ordered = sorted(traces, key=lambda trace: trace.time)
    return ordered[-1] if ordered else None


def pools(keys: Iterable[str]) -> Iterator[str]:
    """The pools whose history can tell of resources, each once."""
    names = (dataset(key).partition("/")[0] for key in keys)
    yield from dict.fromkeys(name for name in names if name)
