"""A container with a probe, a way to make it fall ill, and what a run then says."""

from dataclasses import replace
from pathlib import Path

from agent.scenario import TEMPLATE, Scene
from offctl.desired.model import DesiredState, Probe
from offctl_agent import reporting
from offctl_agent.converge import Run
from planner import case

PROBE = Probe(("curl", "-fsS", "http://localhost/"), 30)
TEXT = f"""
[[dataset]]
name = "zfs-hdd/off"

[[container]]
id = 113
template = "{TEMPLATE}"
options = {{ cores = "8", tty = "2" }}
mount = [{{ target = "/mnt/off", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }}]

[[container]]
id = 114
template = "{TEMPLATE}"
options = {{ cores = "2" }}
"""
FEWER = TEXT.replace('cores = "8"', 'cores = "1"')
TTYS = TEXT.replace('tty = "2"', 'tty = "3"')
SICK = '[[sick]]\ncontainer = 113\nline = "{}"\nstderr = "connection refused"\n'


def desired(text: str, **changes: object) -> DesiredState:
    found = case.desired(text)
    containers = tuple(
        replace(c, probe=PROBE, **changes) if c.id == 113 else c  # type: ignore[arg-type]
        for c in found.containers
    )
    return replace(found, containers=containers)


def ready(tmp_path: Path, sick: str = "cores: 1") -> Scene:
    scene = Scene.make(tmp_path, TEXT)
    scene.desired = desired(TEXT)
    assert scene.run().plan.empty
    (tmp_path / "host" / "health.toml").write_text(SICK.format(sick))
    return scene


def ask(scene: Scene, text: str, **changes: object) -> None:
    scene.desired = desired(text, **changes)


def told(run: Run) -> list[tuple[str, str]]:
    return [(event.action, event.outcome) for event in run.events]


def failed(scene: Scene, run: Run) -> list[str]:
    return [s.reason for s in reporting._undone(run)]
