"""A planner case: a table of a data file, read into what the planner takes and what it must give.

desired     a bundle without its header; containers and datasets may leave out the usual
pools       names; default zfs-hdd and zfs-nvme
datasets    "NAME MOUNTED_AT|- [kind=volume] [PROPERTY=VALUE:SOURCE ...]"
containers  id -> the text of its .conf
running     id -> {mounts = ["TARGET SOURCE"], idmap = [...], services = ["UNIT STATE"]}; absent
            means stopped
directories path -> "UID:GID MODE [filled]", "absent" or "unknown: REASON"
subids      "u:START:COUNT"; default u and g 100000:65536
guests      "ID KIND NODE"
unknown     pools|datasets|containers|guests|subids|container id -> reason
writable    why nothing can be written to PVE's configuration
ledger      key -> {field = "VALUE"} or {field = "VALUE (ours)"}

steps       "EFFECT ORIGIN KEY: TEXT | what happens; what happens | [audit]", or the reason
differences "KEY FIELD: OBSERVED -> DESIRED", of all steps; compared when given
requires    "KEY: TEXT" -> keys; compared for the steps named
findings    "STATE KEY: REASON"
settled     "KEY FIELD=VALUE"; compared when given
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli
import tomli_w

from offctl.desired import bundle
from offctl.desired.model import DesiredState
from offctl.observed import (
    Effective,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedState,
    Property,
    Unknown,
)
from offctl.planner import commands
from offctl.planner.ledger import Entry, Ledger
from offctl.planner.plan import Plan, Step
from offctl_agent.host import pctconf

CASES = Path(__file__).parent / "cases"
HEADER = {"schema": 1, "site": "openfoodfacts", "host": "off2", "mode": "enforce"}
CONTAINER = {
    "run": "running",
    "mode": "enforce",
    "unprivileged": True,
    "root": {"storage": "zfs-hdd", "size_gib": 8},
}
DEFAULT_MAP = ("u 0 100000 65536", "g 0 100000 65536")
GIVEN = frozenset(
    "name desired pools datasets containers running directories subids guests unknown writable "
    "ledger steps differences requires findings settled".split()
)


@dataclass(frozen=True)
class Case:
    name: str
    table: dict[str, Any]

    @property
    def desired(self) -> DesiredState:
        return desired(self.table.get("desired", ""))

    @property
    def ledger(self) -> Ledger:
        return Ledger(
            {
                key: {
                    field: Entry(value.removesuffix(" (ours)"), value.endswith(" (ours)"))
                    for field, value in fields.items()
                }
                for key, fields in self.table.get("ledger", {}).items()
            }
        )

    @property
    def observed(self) -> ObservedState:
        table, unknown = self.table, self.table.get("unknown", {})

        def known(what: str, value: Any) -> Any:
            return Unknown(unknown[what]) if what in unknown else value

        return ObservedState(
            pools=known(
                "pools", tuple((p, 1 << 40) for p in table.get("pools", ["zfs-hdd", "zfs-nvme"]))
            ),
            datasets=known("datasets", tuple(dataset(t) for t in table.get("datasets", []))),
            containers=known("containers", tuple(self._containers())),
            guests=known("guests", tuple(guest(text) for text in table.get("guests", []))),
            subids=known("subids", tuple(self._subids())),
            directories=tuple(
                (path, directory(text)) for path, text in table.get("directories", {}).items()
            ),
            writable=table.get("writable", ""),
        )

    def _subids(self) -> Iterator[tuple[str, int, int]]:
        for text in self.table.get("subids", ["u:100000:65536", "g:100000:65536"]):
            kind, start, count = text.split(":")
            yield kind, int(start), int(count)

    def _containers(self) -> Iterator[ObservedContainer | tuple[int, Unknown]]:
        for number, reason in self.table.get("unknown", {}).items():
            if number.isdecimal():
                yield int(number), Unknown(reason)
        for number, text in self.table.get("containers", {}).items():
            state = self.table.get("running", {}).get(number)
            effective = None
            if state is not None:
                effective = Effective(
                    tuple(tuple(text.split()) for text in state.get("mounts", [])),
                    tuple(state.get("idmap", DEFAULT_MAP)),
                    tuple(tuple(text.split(" ", 1)) for text in state.get("services", [])),
                )
            yield ObservedContainer(int(number), pctconf.parse(text.encode()), effective)


def load() -> list[Case]:
    """Every case of every file; a misspelt key or a name used twice is an error."""
    found = []
    for path in sorted(CASES.glob("*.toml")):
        for table in tomli.loads(path.read_text())["case"]:
            assert not set(table) - GIVEN, (path.name, table["name"], set(table) - GIVEN)
            found.append(Case(f"{path.stem}: {table['name']}", table))
    assert len({case.name for case in found}) == len(found)
    return found


def desired(text: str) -> DesiredState:
    """The desired state of a bundle's text, with the usual filled in."""
    document: dict[str, Any] = {**HEADER, **tomli.loads(text)}
    document["dataset"] = [
        {"logical": d["name"].rpartition("/")[2], "mountpoint": f"/{d['name']}", **d}
        for d in document.get("dataset", [])
    ]
    document["container"] = [
        {**CONTAINER, "name": f"ct{c['id']}", **c} for c in document.get("container", [])
    ]
    return bundle.parse(tomli_w.dumps(document).encode())


def dataset(text: str) -> ObservedDataset:
    name, mounted_at, *words = text.split()
    values = dict(word.split("=", 1) for word in words)
    kind = values.pop("kind", "filesystem")
    properties = []
    for key, text_and_source in values.items():
        value, _, source = text_and_source.rpartition(":")
        properties.append((key, Property(value, source)))
    return ObservedDataset(name, kind, tuple(properties), "" if mounted_at == "-" else mounted_at)


def directory(text: str) -> ObservedDirectory | Unknown | None:
    if text == "absent":
        return None
    if text.startswith("unknown: "):
        return Unknown(text.removeprefix("unknown: "))
    owner, mode, *filled = text.split()
    uid, gid = owner.split(":")
    return ObservedDirectory(int(uid), int(gid), int(mode, 8), filled == ["filled"])


def guest(text: str) -> tuple[int, str, str]:
    number, kind, node = text.split()
    return int(number), kind, node


def steps(plan: Plan) -> list[str]:
    return [_step(step) for step in plan]


def _step(step: Step) -> str:
    what = step.reason if step.action is None else "; ".join(commands.shown(step.action))
    head = f"{step.effect.value} {step.origin.value} {step.resource.key}: {step.text} | {what}"
    return head + (" | audit" if step.audited else "")


def differences(plan: Plan) -> list[str]:
    return [
        f"{step.resource.key} {d.field}: {d.observed} -> {d.desired}"
        for step in plan
        for d in step.differences
    ]


def requires(plan: Plan) -> dict[str, list[str]]:
    return {f"{step.resource.key}: {step.text}": list(step.requires) for step in plan}


def findings(plan: Plan) -> list[str]:
    return [f"{f.state} {f.resource.key}: {f.reason}" for f in plan.findings]


def settled(plan: Plan) -> list[str]:
    return [f"{s.key} {s.field}={s.value}" for s in plan.settled]
