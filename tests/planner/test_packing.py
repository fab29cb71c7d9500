"""What a host observed, packed; and everything that is not that is refused."""

from collections.abc import Callable
import json
from typing import Any
import zlib

import pytest

from offctl import errors
from offctl.observation import MAX_OBSERVATION
from offctl.observed import Unknown
from offctl.planner import packing
from offctl.planner import view as views
from offctl.planner.debts import Debt
from offctl.planner.ledger import Entry, Ledger
from offctl.planner.packing import Observation
from planner import case
from planner.test_tunnels import END, RIGHT, observed

TEXT = """
[[container]]
id = 113
[[dataset]]
name = "zfs-hdd/off"
"""
KNOWN = Ledger({"dataset zfs-hdd/off": {"com.sun:snap": Entry("no", ours=True)}})
SEEN = observed(RIGHT, containers=Unknown("pmxcfs is down"))


def made() -> Observation:
    debts = (Debt(113, "protection", "1"),)
    return Observation("s", "h", views.of(case.desired(TEXT), SEEN, KNOWN, debts))


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(packing.dump(made())))
    return found


def pack(value: object) -> bytes:
    return zlib.compress(json.dumps(value).encode())


def test_what_is_packed_is_read_again() -> None:
    found = packing.parse(packing.dump(made()))
    assert found == made()
    assert list(found.view.remembered()) == list(KNOWN)
    assert found.view.user_properties == ("com.sun:snap",)
    assert packing.dump(made()) == packing.dump(made())


def changed(*path: str | int, to: object) -> Callable[[], bytes]:
    def make() -> bytes:
        whole = document()
        at: Any = whole
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = to
        return pack(whole)

    return make


DEEP: list[Any] = []
for _ in range(40):
    DEEP = [DEEP]

REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "not compressed": lambda: b"{}",
    "cut short": lambda: packing.dump(made())[:-3],
    "more behind it": lambda: packing.dump(made()) + b"x",
    "not JSON": lambda: zlib.compress(b"{"),
    "brackets without end": lambda: zlib.compress(b"[" * 200_000),
    "a list": lambda: pack([]),
    "another schema": changed("schema", to=2),
    "no schema": lambda: pack({k: v for k, v in document().items() if k != "schema"}),
    "a key more": changed("extra", to=1),
    "a host that is a number": changed("host", to=7),
    "a truth for a number": changed("view", "ledger", 0, 3, to=1),
    "a tuple too short": changed("view", "ledger", 0, to=["a", "b", "c"]),
    "a tuple that is text": changed("view", "ledger", to="abc"),
    "a list of anything": changed("view", "observed", "containers", to=[{"id": 1}]),
    "a union with nothing that fits": changed("view", "observed", "pools", to=7),
    "a list without end": changed("view", "observed", "directories", to=[["/a", DEEP]]),
    "null where none may be": changed("view", "observed", "writable", to=None),
    "an expanding one": lambda: zlib.compress(b" " * (packing.MAX_UNPACKED + 1)),
    "one that is too large": lambda: b"x" * (MAX_OBSERVATION + 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused(name: str) -> None:
    with pytest.raises(errors.MalformedError, match="cannot read the observation"):
        packing.parse(REFUSED[name]())


def test_ends_of_tunnels_travel_whole() -> None:
    seen = made()
    state = case.desired(TEXT)
    view = views.of(state, SEEN, KNOWN, ())
    assert view.ends == state.tunnels
    assert seen.view.observed.tunnels == (RIGHT,)
    assert END.name == "redis"
