"""The parts of a bundle that say when something may change, and how it is judged afterwards."""

from dataclasses import asdict
from typing import Any

from offctl import errors
from offctl.desired import names
from offctl.desired.model import Freeze, MaxDelta, Probe
from offctl.tables import Table

MAX_WAVE = 1000
MAX_SOAK = 30 * 86_400
MAX_GRACE = 3_600


def dump_freeze(freeze: Freeze | None) -> dict[str, Any]:
    return {} if freeze is None else {"until": freeze.until, "reason": freeze.reason}


def parse_freeze(table: Table) -> Freeze | None:
    written = table.optional_table("freeze")
    if written is None:
        return None
    freeze = Freeze(written.time("until"), written.string("reason"))
    written.finish()
    return freeze


def parse_max_delta(table: Table) -> MaxDelta:
    written = table.optional_table("max_delta")
    if written is None:
        return MaxDelta()
    shares = MaxDelta(
        containers=written.integer("containers", most=100),
        mounts=written.integer("mounts", most=100),
        datasets=written.integer("datasets", most=100),
    )
    written.finish()
    return shares


def dump_probe(probe: Probe | None) -> dict[str, Any]:
    return {} if probe is None else {"command": list(probe.command), "grace": probe.grace}


def parse_probe(table: Table) -> Probe | None:
    written = table.optional_table("probe")
    if written is None:
        return None
    probe = Probe(
        command=tuple(names.word(text) for text in written.strings("command")),
        grace=written.integer("grace", least=1, most=MAX_GRACE),
    )
    written.finish()
    if not probe.command:
        raise errors.MalformedError("cannot use probe: its command is empty")
    return probe


def dump_max_delta(shares: MaxDelta) -> dict[str, Any]:
    return {} if shares == MaxDelta() else asdict(shares)


def dump_turn(wave: int, soak: int) -> dict[str, Any]:
    """Which wave a host is of; nothing where there is only one."""
    return {k: v for k, v, usual in (("wave", wave, 1), ("soak", soak, 0)) if v != usual}
