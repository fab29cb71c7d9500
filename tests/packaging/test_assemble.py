"""What is made at build time: launchers and completions, the same every time."""

from pathlib import Path
import shutil
import subprocess
import sys
import tomllib

import pytest

from unitfiles import ROOT

SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


def assemble(target: Path) -> Path:
    argv = [sys.executable, str(ROOT / "packaging" / "assemble.py"), str(target)]
    subprocess.run(argv, check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(tmp_path_factory.mktemp("assembled"))


def test_every_program_has_a_launcher_that_listens_to_nobody(made: Path) -> None:
    assert {file.name for file in (made / "bin").iterdir()} == set(SCRIPTS)
    for program, entry in SCRIPTS.items():
        text = (made / "bin" / program).read_text(encoding="utf-8")
        compile(text, program, "exec")
        assert text.startswith("#!/usr/bin/python3 -I\n")
        assert f"from {entry.partition(':')[0]} import main\n" in text
        assert (made / "bin" / program).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("program", [p for p in SCRIPTS if p != "offctl-simhost"])
def test_completion_asks_the_program_in_the_way_it_answers(made: Path, program: str) -> None:
    variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
    for shell, name in (("bash", program), ("zsh", f"_{program}"), ("fish", f"{program}.fish")):
        assert f"{variable}={shell}_complete" in (made / shell / name).read_text(encoding="utf-8")
    answer = subprocess.run(
        [str(Path(sys.executable).parent / program)],
        env={variable: "bash_complete", "COMP_WORDS": f"{program} --", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "plain,--version" in answer.stdout.splitlines()


def test_bash_can_read_every_completion(made: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not here")
    for file in (made / "bash").iterdir():
        subprocess.run([bash, "-n", str(file)], check=True, capture_output=True)


def test_assembling_again_makes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = assemble(tmp_path)
    files = sorted(file.relative_to(made) for file in made.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(again) for file in again.rglob("*") if file.is_file())
    assert all((made / file).read_bytes() == (again / file).read_bytes() for file in files)
