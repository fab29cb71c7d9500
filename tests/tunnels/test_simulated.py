"""Tunnels on a simulated host: whole runs, drift, refusals, and a crash at every step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import itertools
from pathlib import Path
import shutil

import pytest

from agent.scenario import TEMPLATE, Crash, Interrupted, Scene
from agent.trying import PROBE, SICK
from canary import CANARY
from offctl import certificates
from offctl.planner.plan import Origin
from offctl.tunnelkeys import TunnelSecret
from offctl_agent import converge, tunnelstatus
from offctl_agent.simulated.host import SimulatedHost

FAR, _ = certificates.generate_tunnel_key()
OWN = certificates.generate_tunnel_key()[1]


def container(run: str = "running") -> str:
    return f"""
[[container]]
id = 113
run = "{run}"
template = "{TEMPLATE}"
network = [{{ index = 0, name = "eth0", bridge = "vmbr0", options = {{ ip = "10.1.0.113/24" }} }}]
[[container.mount]]
target = "/etc/stunnel/offctl"
source = "/var/lib/offctl/tunnels/113"
options = {{ ro = "1" }}
"""


def tunnel(**values: object) -> str:
    whole: dict[str, object] = {
        "name": "redis",
        "role": "client",
        "section": "Redis",
        "container": 113,
        "instance": "off",
        "accept": "10.1.0.113:6379",
        "connect": "proxy2.example.org:6379",
        "identity": "c-g1",
        "generation": 1,
        "peer_host": "off2",
        "peer_key": FAR,
        **values,
    }
    lines = [f"{key} = {value!r}" for key, value in whole.items() if value != ""]
    return "\n[[tunnel]]\n" + "\n".join(lines) + "\n"


FULL = (
    container()
    + tunnel()
    + tunnel(name="mongodb", section="MongoDB", accept="10.1.0.113:27017", identity="m-g1")
)

ROTATED = FULL.replace("'c-g1'", "'c-g2'").replace("generation = 1", "generation = 2", 1)
MORE = FULL + tunnel(name="x", section="X", accept="10.1.0.113:1", identity="x")


@dataclass
class Tunnelled(Scene):
    @classmethod
    def make(cls, directory: Path, text: str = FULL) -> "Tunnelled":
        scene = super().make(directory, text)
        return cls(scene.directory, scene.desired)

    def copy(self, directory: Path) -> "Tunnelled":
        shutil.copytree(self.directory, directory, symlinks=True)
        return Tunnelled(directory, self.desired)

    def simulated(self, step: Callable[[str], None] | None = None) -> SimulatedHost:
        return SimulatedHost(
            self.directory / "host", "off2", step=step, secret=lambda: TunnelSecret(OWN)
        )

    @property
    def files(self) -> Path:
        return self.directory / "host/files/var/lib/offctl/tunnels/113/off"

    def left(self) -> list[str]:
        return [f"{s.resource.key}: {s.text}: {s.reason}" for s in self.run().plan]

    def proven(self) -> bool:
        (seen,) = self.simulated().observe(self.desired).tunnels
        return seen.loaded and not seen.different and all(e.proof == "" for e in seen.ends)


def keys(scene: Tunnelled) -> list[str]:
    return [line for path in scene.files.rglob("*.txt") for line in path.read_text().splitlines()]


def test_from_nothing_to_proven_in_two_runs(tmp_path: Path) -> None:
    scene = Tunnelled.make(tmp_path)
    found = scene.run()
    if found.plan.steps:
        found = scene.run()
    assert found.plan.steps == ()
    assert scene.proven()
    again = Interrupted(scene.simulated())
    assert scene.run(again).events == []
    assert again.done == []


def test_the_plan_says_what_will_be_and_no_key(tmp_path: Path) -> None:
    scene = Tunnelled.make(tmp_path)
    scene.run()
    scene.run()
    scene.desired = Tunnelled.make(tmp_path / "other", ROTATED).desired
    (step,) = scene.plan()
    assert (step.text, step.effect.value, step.origin) == (
        "write and reload",
        "reload",
        Origin.WANTED,
    )
    told = repr(step) + repr(scene.run().events)
    assert not [line for line in keys(scene) if line.partition(":")[2] in told]


def test_a_changed_file_is_drift_and_is_put_back(tmp_path: Path) -> None:
    scene = done(tmp_path)
    path = scene.files / "off.conf"
    right = path.read_bytes()
    path.write_bytes(right + b"# mine\n")
    (step,) = scene.plan()
    assert step.origin is Origin.CORRECTIVE
    assert "off.conf has another content" in step.differences[0].observed
    assert scene.left() == []
    assert path.read_bytes() == right


def test_a_stunnel_that_does_not_listen_to_reloads_is_a_failure(tmp_path: Path) -> None:
    scene = done(tmp_path)
    before = (scene.files / "off.conf").read_bytes()
    scene.faults("stunnel_deaf = true\n")
    found = scene.run(text=MORE)
    assert [e.outcome for e in found.events] == ["failed"]
    assert "did not take the new configuration" in found.events[0].detail
    assert (scene.files / "off.conf").read_bytes() == before
    scene.faults("")
    assert scene.left() == []
    assert scene.proven()


def test_a_broken_tunnel_is_told_of_and_the_others_are_right(tmp_path: Path) -> None:
    scene = done(tmp_path)
    scene.faults('tunnels_broken = ["10.1.0.113:6379"]\n')
    (left,) = scene.left()
    assert left.startswith("tunnel redis/client: prove: closed at once")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"accept": "0.0.0.0:6379"}, "would let everybody in"),
        ({"accept": "6379"}, "would let everybody in"),
        ({"accept": "203.0.113.5:6379"}, "would let everybody in"),
        ({"accept": "10.1.0.9:6379"}, "no such address here"),
        ({"section": "offctl-marker"}, "the name is kept for offctl"),
        ({"peer_key": "x25519:" + "A" * 43 + "="}, "low order"),
        ({"peer_key": "", "psk_file": "/etc/offctl/psk/gone"}, "no such file"),
    ],
)
def test_refusals_on_the_host(tmp_path: Path, change: dict[str, object], words: str) -> None:
    scene = Tunnelled.make(tmp_path, container() + tunnel(**change))
    scene.run()
    (left,) = scene.left()
    assert words in left
    assert not (scene.files / "off.conf").exists()


def test_a_key_file_that_is_missing_stops_its_own_tunnel_only(tmp_path: Path) -> None:
    far = tunnel(name="far", section="Far", accept="10.1.0.113:7", identity="far", peer_key="",
                 psk_file="/etc/offctl/psk/far")  # fmt: skip
    scene = Tunnelled.make(tmp_path, FULL + far)
    scene.run()
    (left,) = scene.left()
    assert left.startswith("tunnel far/client: prove: ")
    path = tmp_path / "host/files/etc/offctl/psk/far"
    path.parent.mkdir(parents=True)
    path.write_text("far:" + "k" * 32 + "\n")
    (left,) = scene.left()
    assert "others than its owner can read it" in left
    path.chmod(0o600)
    assert scene.left() == []
    path.unlink()
    (left,) = scene.left()
    assert "no such file" in left
    assert any(line.startswith("far:") for line in keys(scene)), "it keeps the key it has"


@pytest.mark.parametrize(
    "content",
    ["far:" + "k" * 32, "other:" + "k" * 32 + "\n", "far:short\n", "", "# far\nfar:" + "k" * 32,
     "\ufefffar:" + "k" * 32 + "\n", "far: " + "k" * 32 + "\n", "far:" + "k" * 32 + "\r\n",
     "far:" + "k" * 32 + "\nfar:" + "l" * 32 + "\n", "far:" + "a" * 31 + "\n"],
)  # fmt: skip
def test_a_key_file_in_another_form_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    far = tunnel(identity="far", peer_key="", psk_file="/etc/offctl/psk/far")
    scene = Tunnelled.make(tmp_path, container() + far)
    path = tmp_path / "host/files/etc/offctl/psk/far"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode())
    path.chmod(0o600)
    scene.run()
    (left,) = scene.left()
    assert "/etc/offctl/psk/far" in left
    assert "k" * 10 not in left


def test_a_stopped_container_has_no_tunnels_and_nothing_is_wrong(tmp_path: Path) -> None:
    scene = Tunnelled.make(tmp_path, container("stopped") + tunnel())
    scene.run()
    assert scene.left() == []


def test_a_restarted_container_starts_its_stunnel_by_itself(tmp_path: Path) -> None:
    scene = done(tmp_path)
    scene.by_hand("pct", "stop", "113")
    scene.by_hand("pct", "start", "113")
    assert scene.proven()
    assert scene.left() == []


def test_a_dead_stunnel_is_started(tmp_path: Path) -> None:
    scene = done(tmp_path)
    (tmp_path / "host/run/stunnel/113.json").write_text("{}")
    (step,) = scene.plan()
    assert (step.text, step.effect.value) == ("start", "online")
    assert scene.left() == []


def test_a_stunnel_open_to_everybody_is_found_by_its_socket(tmp_path: Path) -> None:
    scene = done(tmp_path)
    path = tmp_path / "host/run/stunnel/113.json"
    path.write_text(path.read_text().replace("{", '{"/root/mongo.conf": ["0.0.0.0:27017"],', 1))
    (left,) = scene.left()
    assert "stray container 113:/root/mongo.conf: close: it listens at 0.0.0.0:27017" in left


def test_a_tunnel_that_leaves_the_text_leaves_no_key_behind(tmp_path: Path) -> None:
    scene = done(tmp_path)
    scene.run(text=container() + tunnel())
    assert {line.partition(":")[0] for line in keys(scene)} == {"c-g1"}


def test_what_is_reported_of_an_end_says_when_it_was_tried(tmp_path: Path) -> None:
    scene = done(tmp_path)
    scene.faults('tunnels_broken = ["10.1.0.113:6379"]\n')
    (seen,) = scene.simulated().observe(scene.desired).tunnels
    aged = replace(seen, ends=tuple(replace(end, proof_age=540) for end in seen.ends))
    found = tunnelstatus.statuses(scene.desired, (aged,), {}, "2026-03-01T00:10:00Z")
    assert [(e.tunnel, e.state, e.proven_at) for e in found] == [
        ("mongodb", "proven", "2026-03-01T00:01:00Z"),
        ("redis", "broken", ""),
    ]


class Steps:
    """Counts durable writes, and dies at one of them."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.count = at, 0

    def __call__(self, _: str) -> None:
        self.count += 1
        if self.count == self.at:
            raise Crash


def test_a_crash_at_any_action_converges(tmp_path: Path) -> None:
    whole = Tunnelled.make(tmp_path / "whole")
    watched = Interrupted(whole.simulated())
    whole.run(watched)
    for at in range(1, len(watched.done) + 1):
        for having_done in (False, True):
            scene = Tunnelled.make(tmp_path / f"{at}-{having_done}")
            with pytest.raises(Crash):
                scene.run(Interrupted(scene.simulated(), at, having_done))
            scene.run()
            assert scene.left() == []
            assert scene.proven()


def test_a_crash_at_any_write_of_a_rotation_converges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every durable write of files and processes, the agent's own and the simulated ones."""
    from offctl import files

    base = done(tmp_path / "base")
    real = {name: getattr(files, name) for name in ("write", "remove")}

    def rotate(scene: Tunnelled, steps: Steps) -> converge.Run:
        def counted(name: str) -> Callable[..., None]:
            def call(*args: object, **options: object) -> None:
                steps("before")
                real[name](*args, **options)
                steps("after")

            return call

        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(files, name, counted(name))
            return scene.run(text=ROTATED)

    counting = Steps()
    rotate(base.copy(tmp_path / "counting"), counting)
    assert counting.count > 20
    for at in range(1, counting.count + 1):
        scene = base.copy(tmp_path / str(at))
        with pytest.raises(Crash):
            rotate(scene, Steps(at))
        scene.run(text=ROTATED)
        assert scene.left() == [], at
        assert scene.proven(), at
        assert sorted(line.partition(":")[0] for line in keys(scene)) == ["c-g2", "m-g1"]
        shutil.rmtree(scene.directory)


def done(directory: Path) -> Tunnelled:
    scene = Tunnelled.make(directory)
    scene.run()
    assert scene.left() == []
    return scene


def test_no_byte_but_stunnels_own_files_holds_a_key(tmp_path: Path) -> None:
    """Journal, ledger, events, debts, reports, plans, the simulated host: everything there is."""
    scene = done(tmp_path)
    said = [repr(scene.plan()), repr(scene.run(text=ROTATED)), repr(scene.run(text=MORE))]
    scene.faults("stunnel_deaf = true\n")
    said += [repr(scene.run(text=ROTATED)), repr(scene.simulated().observe(scene.desired))]
    held = {key for line in keys(scene) for key in [line.partition(":")[2]]}
    assert held <= CANARY.keys, "the canary knows what it is looking for"
    looked = 0
    for path in scene.directory.rglob("*"):
        if path.is_file() and path.parent.name != "psk":
            looked += path.stat().st_size
            assert not CANARY.hear(path.read_bytes(), str(path))
    assert looked > 5_000
    assert not any(CANARY.hear(text, "what a run says") for text in said)


def test_what_is_reported_is_how_tunnels_are_after_a_change_was_taken_back(tmp_path: Path) -> None:
    scene = done(tmp_path)
    # Well before the change, not after it; and while that is judged a tunnel breaks.
    (tmp_path / "host" / "health.toml").write_text(SICK.format("cores: 1"))
    (old,) = scene.desired.containers
    probed = replace(old, probe=PROBE, options=(("cores", "1"),))
    scene.desired = replace(scene.desired, containers=(probed,))

    def passing() -> float:
        scene.faults('tunnels_broken = ["10.1.0.113:6379"]\n')
        return next(seconds)

    seconds = itertools.count(0, 20)
    run = scene.run(elapsed=passing)
    assert [event.action for event in run.events] == ["set", "undo"]
    (seen,) = run.tunnels
    assert sum((end.proof or "").startswith("closed at once") for end in seen.ends) == 1
    assert run.seen is not None
    assert run.seen.tunnels == run.tunnels
