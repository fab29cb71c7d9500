"""Days of a host whose agent is killed at its steps: what is asked, and what must be afterwards."""

from collections.abc import Callable, Iterator
import contextlib
from pathlib import Path

from integration.inside import dying, forking, guests
from integration.inside.days import SITE, Host
from offctl.planner.actions import Action
from offctl_agent.host.protocol import Host as Managed
from offctl_agent.proxmox import loading

# The same, changed in every way that makes a step of another kind.
CHANGED = (
    SITE.replace('compression = "lz4"', 'compression = "off"')
    .replace('memory = "128" }\nidmap', 'memory = "192" }\nidmap')
    .replace('run = "stopped"', 'run = "running"')
    .replace('options = { hostname = "db",', 'run = "stopped"\noptions = { hostname = "db",')
)
# And once more: a property and a mount of a protected container are given back.
LESS = CHANGED.replace('properties = { atime = "off" }\n', "").replace(
    '  { target = "/mnt/off/users", source = "/tank/off/users", dataset = "tank/off", '
    'subdirectory = "users" },\n',
    "",
)
BUILDING = {"GrantSubids", "CreateDataset", "MakeDirectory", "SetAccess", "CreateContainer"}
BUILDING |= {"SetIdmap", "SetContainer", "StartContainer"}
CHANGING = {"SetProperties", "SetContainer", "StartContainer", "ShutDownContainer"}
MENDING = {"MountDataset", "InheritProperties", "SetContainer", "RestartContainer"}
# To be shut down is to be interrupted.
RESTARTS = (113, 120, 130)
WAYS = (dying.BEFORE, dying.DURING, dying.AFTER)
PRECIOUS = ("off", "off/images", "db")
FOREIGN = b"hostname: foreign\nrootfs: tank-pve:subvol-900-disk-0,size=1G\n"

Key = Callable[[Action], str]


@contextlib.contextmanager
def mortal(home: Path) -> Iterator[Host]:
    """A host, empty; what is imported late has been, so that not every life does it again."""
    loading.libzfs_core()
    with forking.served(home), guests.real(home) as rig:
        yield Host(rig, home)


def build(host: Host, key: Key) -> list[str]:
    """From nothing; what was died of."""
    died = _survive(host, SITE, key)
    for name in PRECIOUS:
        _file(name).write_text(name)
    host.rig.write(900, FOREIGN)
    _intact(host)
    return died


def change(host: Host, key: Key) -> list[str]:
    """What was built becomes something else; what was died of."""
    died = _survive(host, CHANGED, key)
    _intact(host)
    return died


def mend(host: Host, key: Key) -> list[str]:
    """Somebody unmounted a dataset, the text says less; what was died of."""
    host.by_hand("zfs", "unmount", "tank/db")
    died = _survive(host, LESS, key)
    _intact(host)
    assert b"/mnt/off/users" not in host.rig.read(113)
    return died


def kinds(died: list[str]) -> set[str]:
    """The kinds of the steps that were died of."""
    return {line.split(" ")[1] for line in died}


def _survive(host: Host, text: str, key: Key) -> list[str]:
    def run(made_mortal: Callable[[Managed], Managed]) -> None:
        host.run(text, restarts=RESTARTS, managed=made_mortal(host.rig.guest))

    died = dying.deaths(run, key, WAYS, tell=dying.timed())
    # What outlived its caller ends, and only then is it seen what came of it.
    host.rig.wait_for_pct()
    host.run(text, restarts=RESTARTS)
    quiet = host.run(text)
    assert quiet.events == []
    assert quiet.plan.steps == ()
    assert quiet.debts == []
    assert not [note for note in quiet.notes if "damaged" in note]
    return died


def _intact(host: Host) -> None:
    """Data, a stranger and the protection are as they were."""
    assert [_file(name).read_text() for name in PRECIOUS] == list(PRECIOUS)
    assert host.rig.read(900) == FOREIGN
    assert b"protection: 1" in host.rig.read(113)


def _file(name: str) -> Path:
    return Path("/tank", name, "precious")
