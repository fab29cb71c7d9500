"""The house rules: format, lint, types, arrows, generated stubs; one command, one answer."""

from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

TOOLS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_has_nothing_to_say(tool: str) -> None:
    name, *arguments = TOOLS[tool]
    done = subprocess.run(
        [str(BIN / name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_committed_stubs_are_those_of_the_protocol(tmp_path: Path) -> None:
    generator = [sys.executable, str(ROOT / "packaging" / "stubs.py"), str(tmp_path)]
    subprocess.run(generator, check=True, capture_output=True)
    made = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*_pb2*")}
    kept = {path.relative_to(ROOT / "common") for path in (ROOT / "common").rglob("*_pb2*.py*")}
    assert set(made) == {path for path in kept if "__pycache__" not in path.parts}
    for name, path in made.items():
        assert (
            path.read_bytes() == (ROOT / "common" / name).read_bytes()
        ), f"run `make proto`: {name}"


def test_every_file_of_ours_stays_below_the_ceiling() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    long = {
        name: lines
        for name in listed
        if "_pb2" not in name
        and (ROOT / name).exists()
        and (lines := (ROOT / name).read_text(encoding="utf-8").count("\n")) > 400
    }
    assert listed
    assert long == {}
