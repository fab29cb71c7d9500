"""The canary itself: a key that gets out by any way there is fails the run, and is not repeated."""

from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

HERE = Path(__file__).parent
ROOM = HERE / "planted"
# Written in no file as it stands.
KEY = bytes(range(0x51, 0x71)).hex()
CLOSING = re.compile(r"canary: ([0-9,]+) bytes looked through for ([0-9,]+) keys .* \(([0-9,]+) fi")


def run(tmp_path: Path, name: str, *options: str) -> tuple[int, str]:
    """One file of tests in which keys get out, in a pytest of its own."""
    argv = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(ROOM)]
    argv += ["-o", "asyncio_default_fixture_loop_scope=function"]
    argv += ["-p", "overhearing", "-p", "no:cacheprovider", "--tb=short", "-rA", *options]
    done = subprocess.run(
        [*argv, f"--basetemp={tmp_path / 'base'}", str(ROOM / name)],
        env={"PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    # What is planted there is not for this run's own canary.
    shutil.rmtree(tmp_path / "base")
    return done.returncode, done.stdout


def test_every_way_out_is_heard_and_the_key_is_not_repeated(tmp_path: Path) -> None:
    status, said = run(tmp_path, "said.py")
    assert status == 1, said
    failed = set(re.findall(r"^FAILED \S+::(\w+)", said, re.MULTILINE))
    planted = set(re.findall(r"^def test_(\w+)", (ROOM / "said.py").read_text(), re.MULTILINE))
    assert {f"test_{name}" for name in planted if name != "nothing_gets_out"} == failed, said
    assert KEY not in said
    assert KEY.upper() not in said


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_lies_about_at_the_end_is_found_by_name(tmp_path: Path, workers: str) -> None:
    status, said = run(tmp_path, "left.py", workers)
    assert status == 1, said
    told = "".join(line for line in said.splitlines() if "a key of a tunnel is in" in line)
    for name in ("plain.json", "enveloped.json", "sparse.img", "fromafar.log"):
        assert name in told, said
    assert "allowed.txt" not in told
    assert "harmless" not in told
    assert KEY not in said


def test_a_run_from_which_nothing_gets_out_tells_how_much_it_said(tmp_path: Path) -> None:
    status, said = run(tmp_path, "nothing.py")
    assert status == 0, said
    found = CLOSING.search(said)
    assert found is not None, said
    looked, keys, files = (int(text.replace(",", "")) for text in found.groups())
    assert looked >= 1_000_000
    assert (keys, files) == (1, 1)
