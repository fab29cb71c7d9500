"""What a run of pct left behind, against what the recorded one did; the same for every world."""

from dataclasses import dataclass
from pathlib import Path
import shlex
from typing import Any

import tomli

TEMPLATE = "local:vztmpl/debian-12-tiny_12.5-1_amd64.tar.zst"
PENDING = "[pve:pending]"

with (Path(__file__).parent / "runs.toml").open("rb") as file:
    CASES: list[dict[str, Any]] = tomli.load(file)["case"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last command's exit status and words, the file, what is mounted, what was made."""

    code: int
    stdout: str
    stderr: str
    file: str
    mounts: tuple[str, ...] = ()
    made: bool = False


def argv(command: str) -> list[str]:
    """The words of one command line of a case."""
    return shlex.split(command.replace(";", "\\;"))


def check(case: dict[str, Any], outcome: Outcome) -> None:
    """Fail where the outcome is not what was recorded."""
    _check_exit(case, outcome)
    _check_file(case, outcome.file)
    if "made" in case:
        assert outcome.made
    if "mounts" in case:
        assert list(outcome.mounts) == case["mounts"]


def _check_exit(case: dict[str, Any], outcome: Outcome) -> None:
    everything = outcome.stdout + outcome.stderr
    if "fails" in case:
        assert outcome.code != 0
        assert case["fails"] in outcome.stderr
    else:
        assert outcome.code == 0, everything
    assert case.get("says", "") in everything
    if "silent" in case:
        assert case["silent"] not in everything


def _check_file(case: dict[str, Any], text: str) -> None:
    main, _, pending = text.partition(PENDING)
    lines = main.splitlines()
    assert [line for line in case.get("lines", []) if line not in lines] == []
    keys = [line.partition(":")[0] for line in lines] + [PENDING] * (PENDING in text)
    assert [key for key in case.get("absent", []) if key in keys] == []
    if "pending" in case:
        assert pending.strip().splitlines() == case["pending"]
    if "exactly" in case:
        assert text == case["exactly"]
