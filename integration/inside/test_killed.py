"""kill -9 at a step of every kind, before it, in the middle of it and after it; then a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.inside import dying, guests
from integration.inside.days import SITE, Host
from offctl_agent.host.protocol import Host as Managed

# The same, changed in every way that makes a step of another kind.
CHANGED = (
    SITE.replace('compression = "lz4"', 'compression = "off"')
    .replace('memory = "128" }\nidmap', 'memory = "192" }\nidmap')
    .replace('run = "stopped"', 'run = "running"')
    .replace('options = { hostname = "db",', 'run = "stopped"\noptions = { hostname = "db",')
)
BUILDING = {"GrantSubids", "CreateDataset", "MakeDirectory", "SetAccess", "CreateContainer"}
BUILDING |= {"SetIdmap", "SetContainer", "StartContainer"}
CHANGING = {"SetProperties", "SetContainer", "StartContainer", "ShutDownContainer"}
# To be shut down is to be interrupted.
RESTARTS = (113, 120, 130)
WAYS = (dying.BEFORE, dying.DURING, dying.AFTER)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("host")
    with guests.real(home) as rig:
        yield Host(rig, home)


def survive(host: Host, text: str) -> set[str]:
    """Die of a step of every kind, then live; the kinds."""

    def run(made_mortal: Callable[[Managed], Managed]) -> None:
        host.run(text, restarts=RESTARTS, managed=made_mortal(host.rig.guest))

    died = dying.deaths(run, dying.kind, WAYS)
    kinds = {line.split(" ")[1] for line in died}
    # A call to pct that outlived its caller may have ended since the last look.
    host.run(text, restarts=RESTARTS)
    quiet = host.run(text)
    assert quiet.events == []
    assert quiet.plan.steps == ()
    assert not [note for note in quiet.notes if "owed" in note or "damaged" in note]
    return kinds


def test_killed_while_a_host_is_built(host: Host) -> None:
    assert survive(host, SITE) >= BUILDING
    assert b"protection: 1" in host.rig.read(113)


def test_killed_while_a_host_is_changed(host: Host) -> None:
    precious = [Path(f"/tank/{name}/precious") for name in ("off", "off/images", "db")]
    for path in precious:
        path.write_text(str(path))
    foreign = b"hostname: foreign\nrootfs: tank-pve:subvol-900-disk-0,size=1G\n"
    host.rig.write(900, foreign)
    assert survive(host, CHANGED) >= CHANGING
    assert [path.read_text() for path in precious] == [str(path) for path in precious]
    assert host.rig.read(900) == foreign
    assert b"protection: 1" in host.rig.read(113)
