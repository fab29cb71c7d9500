"""The verifier as a program of its own, and a runner that notices every way of being wrong."""

from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = (sys.executable, "-m", "conformance.verifier")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_ours_is_right_about_a_sample_of_all_cases() -> None:
    """`make conformance` runs all of them; test_vectors.py does so within one process."""
    done = run("--every", "12", "--", *OURS)
    assert done.returncode == 0, done.stdout
    assert "cases are right" in done.stdout


WRONG = {
    "believes everything": "print('ok')",
    "refuses everything": "print('SIG_INVALID'); raise SystemExit(1)",
    "says it with the wrong status": "print('SIG_INVALID')",
    "talks": "print('ok'); print('ok')",
    "is silent": "",
    "crashes": "raise SystemExit(3)",
    "dies": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("how", WRONG)
def test_a_verifier_that_is_wrong_is_found_out(how: str) -> None:
    done = run("--only", "a0[01]-*", "--", sys.executable, "-S", "-c", WRONG[how])
    assert done.returncode == 1
    assert "expected" in done.stdout


def test_no_case_and_no_program_are_no_success() -> None:
    assert run("--only", "nothing", "--", *OURS).returncode == 1
    assert "cannot be run" in run("--only", "a00-good", "--", "/nowhere").stdout
