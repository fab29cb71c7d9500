"""kill -9 at every durable write: what is left is old or new, and can be finished."""

from collections.abc import Callable
import os
from pathlib import Path
import shutil
import signal
import sys
import warnings

import pytest

from offctl.desired.model import Access, IdRange, Subid
from offctl.errors import HostError
from offctl.observed import ObservedContainer, ObservedState, Unknown
from offctl.planner import actions as act
from simulated.scene import Scene

TEMPLATE = "local:vztmpl/debian-12-tiny_12.5-1_amd64.tar.zst"
IDMAP = (IdRange("u", 0, 100000, 1000), IdRange("g", 0, 100000, 1000))
SOURCE = act.Source("/tank/off", "tank/off", "/tank/off")

Prepare = Callable[[Scene], None]


def _dataset(scene: Scene) -> None:
    scene.host.execute(act.CreateDataset("tank/off", (("atime", "off"),), "/tank/off"))
    scene.machine.locate("/tank/off/precious").write_text("data")


def _unmounted(scene: Scene) -> None:
    _dataset(scene)
    assert scene.run("zfs", "unmount", "tank/off").code == 0


def _container(scene: Scene) -> None:
    _dataset(scene)
    options = (("net0", "name=eth0,bridge=vmbr0"), ("protection", "1"))
    scene.host.execute(act.CreateContainer(101, TEMPLATE, "local-zfs:1", True, options))


def _running(scene: Scene) -> None:
    _container(scene)
    scene.host.execute(act.StartContainer(101, (SOURCE,)))
    assert scene.run("pct", "set", "101", "--tty", "3").code == 0


def _mount(*, protected: bool) -> act.SetContainer:
    options = (("mp0", "/tank/off,mp=/mnt/off"),)
    return act.SetContainer(101, options, (), (), (("mp0", ""),), protected)


# An action, what comes before it, and whether no state between old and new may ever be seen.
CASES: tuple[tuple[str, Prepare, act.Action, bool], ...] = (
    ("set properties", _dataset, act.SetProperties("tank/off", (("sync", "always"),)), True),
    ("inherit", _dataset, act.InheritProperties("tank/off", ("atime",)), True),
    ("mount", _unmounted, act.MountDataset("tank/off", "/tank/off"), True),
    ("access", _dataset, act.SetAccess("tank/off", "/tank/off", "", Access(1, 2, 0o700)), True),
    ("idmap", _container, act.SetIdmap(101, IDMAP, ()), True),
    ("start", _container, act.StartContainer(101, (SOURCE,)), True),
    ("set", _running, act.SetContainer(101, (("memory", "600"),), (), (), (), False), True),
    ("set mounts", _running, _mount(protected=True), False),
    ("create dataset", _dataset, act.CreateDataset("tank/new", (), "/tank/new"), False),
    ("directory", _dataset, act.MakeDirectory("tank/off", "/tank/off", "x", Access(1, 2)), False),
    ("subids", _dataset, act.GrantSubids((Subid("u", 1, 2), Subid("g", 1, 2))), False),
    ("restart", _running, act.RestartContainer(101, (SOURCE,)), False),
    ("shut down", _running, act.ShutDownContainer(101), False),
)
CREATE = act.CreateContainer(102, TEMPLATE, "local-zfs:1", True, (("hostname", "new"),))


def _steps(template: Path, work: Path, action: act.Action) -> int:
    """How many moments there are to be killed at."""
    seen: list[str] = []
    shutil.copytree(template, work, symlinks=True)
    Scene(work, step=seen.append, seed=2).host.execute(action)
    return len(seen)


def _killed(root: Path, action: act.Action, moment: int) -> None:
    """Do the action in a process that kills itself at one moment."""
    left = [moment]

    def step(_: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            Scene(root, step=step, seed=2).host.execute(action)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)


def _whole(state: ObservedState) -> ObservedState:
    """A state in which everything could be read."""
    parts = (state.pools, state.datasets, state.containers, state.guests, state.subids)
    assert [part for part in parts if isinstance(part, Unknown)] == []
    assert isinstance(state.containers, tuple)
    for found in state.containers:
        assert isinstance(found, ObservedContainer)
        assert found.configuration.complaints == ()
    return state


def _finish(scene: Scene, action: act.Action) -> None:
    """Do what the next run would do: the same again, or the rest of it."""
    try:
        scene.host.execute(action)
    except HostError as error:
        if error.code != "CONFLICT":
            raise
        _do_the_rest(scene, action)


def _do_the_rest(scene: Scene, action: act.Action) -> None:
    match action:
        case act.CreateDataset():
            scene.host.execute(act.MountDataset(action.name, action.mountpoint))
        case act.RestartContainer():
            scene.host.execute(act.StartContainer(action.id, action.sources))
        case act.SetContainer():
            flag = (("protection", "1"),)
            scene.host.execute(act.SetContainer(action.id, flag, (), (), (), False))


@pytest.mark.skipif(sys.platform != "linux", reason="kills by signal")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_killed_anywhere(case: tuple[str, Prepare, act.Action, bool], tmp_path: Path) -> None:
    _, prepare, action, atomic = case
    template = tmp_path / "template"
    prepare(Scene(template).prepared())
    old = _whole(Scene(template).look())
    moments = _steps(template, tmp_path / "whole", action)
    new = _whole(Scene(tmp_path / "whole").look())
    assert moments >= 2
    for moment in range(moments):
        root = tmp_path / f"killed-{moment}"
        shutil.copytree(template, root, symlinks=True)
        _killed(root, action, moment)
        scene = Scene(root, seed=2)
        left = _whole(scene.look())
        if atomic:
            assert left in (old, new)
        _finish(scene, action)
        finished = _whole(scene.look())
        assert _without_chance(finished) == _without_chance(new)
        scene.run("zfs", "mount", "-a")
        assert scene.machine.locate("/tank/off/precious").read_text() == "data"


def _without_chance(state: ObservedState) -> list[object]:
    """A state without digests (a rewritten file may stand in another order).

    What waits in a stopped container counts as active: the next start makes it so.
    """
    assert isinstance(state.containers, tuple)
    found = [c for c in state.containers if isinstance(c, ObservedContainer)]
    containers = []
    for container in found:
        now = container.configuration
        waits = () if container.running else now.pending
        options = {**dict(now.options), **dict(waits)}
        rest = now.pending if container.running else ()
        containers.append((container.id, options, now.raw, rest, container.effective))
    return [state.datasets, state.subids, containers]


def test_a_killed_create_is_absent_locked_or_complete(tmp_path: Path) -> None:
    template = tmp_path / "template"
    _dataset(Scene(template).prepared())
    moments = _steps(template, tmp_path / "whole", CREATE)
    seen = set()
    for moment in range(moments):
        root = tmp_path / f"killed-{moment}"
        shutil.copytree(template, root, symlinks=True)
        _killed(root, CREATE, moment)
        state = _whole(Scene(root).look())
        assert isinstance(state.containers, tuple)
        for found in state.containers:
            assert isinstance(found, ObservedContainer)
            lock = found.configuration.lock
            assert lock or found.configuration.option("hostname") == "new"
        seen.add(tuple(c.configuration.lock for c in state.containers))  # type: ignore[union-attr]
    assert seen == {(), ("create",), ("",)}
