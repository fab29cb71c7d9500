"""/var full, or read-only: nothing changes, nothing is torn, and the report still gets out.

In a mount namespace of its own, for which these tests must be root.
"""

import json
import os
from pathlib import Path
import subprocess

import pytest

from demo import story
from demo.stage import BIN, Stage

CONFIG = "ovh1/agent.toml"
FILL = "dd if=/dev/zero of=ovh1/state/filler bs=4k 2>/dev/null; sync"
READ_ONLY = "mount -o remount,ro ovh1/state"


def inside(room: Stage, *commands: str) -> str:
    """Commands in a namespace where ovh1/state is a small disk of its own, with what was there."""
    script = "set -e\ncp -a ovh1/state saved\nmount -t tmpfs -o size=1m none ovh1/state\n"
    script += "cp -a saved/. ovh1/state/\nset +e\n" + "\n".join(commands)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        cwd=room.directory,
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "OFFCTL_CONFIG": str(room.directory / "operator.toml"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def last_report(room: Stage) -> dict[str, object]:
    spare = max((room.directory / "ovh1" / "run").glob("*.json"), key=lambda p: int(p.stem))
    found: dict[str, object] = json.loads(spare.read_text())
    return found


def tree(directory: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk is made, which only root can")
@pytest.mark.parametrize(
    ("harm", "code"), [(FILL, "DISK_FULL"), (READ_ONLY, "READ_ONLY")], ids=["full", "read-only"]
)
def test_the_report_gets_out(room: Stage, harm: str, code: str) -> None:
    apply = f"offctl-agent apply --config {CONFIG}"
    room.run(apply)
    room.run("offctl-simhost ovh1/machine pct stop 101")
    machine = tree(room.directory / "ovh1" / "machine")
    said = inside(room, harm, apply, apply, f"offctl-agent status --config {CONFIG}")
    assert f"[{code}]" in said
    report = last_report(room)
    assert report["counts"]["failed"] == 1  # type: ignore[index]
    assert code in json.dumps(report["resources"])
    assert "failed: the agent itself: cannot write" in said, "its own status shows it too"
    assert tree(room.directory / "ovh1" / "machine") == machine
    kept = {p.name: p for p in (room.directory / "saved" / "agent").iterdir()}
    assert {"floor", "ledger", "release"} <= set(kept)
    # With room again it goes on where it was.
    assert "container 101 ovh-proxy: start" in room.run(apply)
    assert not list((room.directory / "ovh1" / "run").glob("*.json")), "the spare is empty again"


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk is made, which only root can")
@pytest.mark.parametrize(
    ("harm", "code"), [(FILL, "DISK_FULL"), (READ_ONLY, "READ_ONLY")], ids=["full", "read-only"]
)
def test_the_coordinator_hears_of_it(room: Stage, harm: str, code: str) -> None:
    story.start_coordinator(room)
    room.run("offctl publish one.release")
    room.run(f"offctl-agent apply --config {CONFIG}")
    story.start_host(room, "ovh1")
    known = f"offctl status ovh1 --json | grep -q {code}"
    room.wait("a first report", lambda: '"ovh1"' in room.query("offctl status ovh1 --json"))
    room.stop("courier-ovh1", "agent-ovh1")
    inside(
        room,
        harm,
        f"offctl-agent apply --config {CONFIG}",
        f"offctl-courier run --config {CONFIG} & courier=$!",
        f"for turn in $(seq 60); do {known} && break; sleep 0.2; done",
        "kill $courier",
        "wait $courier",
    )
    status = json.loads(room.query("offctl status ovh1 --json"))
    assert code in json.dumps(status)


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk is made, which only root can")
def test_a_memory_that_is_damaged_too_is_told_of(room: Stage) -> None:
    apply = f"offctl-agent apply --config {CONFIG}"
    room.run(apply)
    room.run("offctl-simhost ovh1/machine pct stop 101")
    machine = tree(room.directory / "ovh1" / "machine")
    inside(room, "echo torn > ovh1/state/agent/floor", READ_ONLY, apply)
    said = json.dumps(last_report(room))
    assert "floor is damaged, and stays: " in said
    assert "READ_ONLY" in said
    assert tree(room.directory / "ovh1" / "machine") == machine
