"""What the packages need besides the source tree: launchers and completions, made at build time.

Needs click and nothing of ours, so that a build needs no more than apt gives it.
"""

from pathlib import Path
import sys
import tomllib

from click import Command
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

ROOT = Path(__file__).resolve().parent.parent
MODULES = "/usr/share/offctl"

# argparse, and for trying things out: no completion.
WITHOUT_COMPLETION = {"offctl-simhost"}

SHELLS: dict[str, tuple[type[ShellComplete], str]] = {
    "bash": (BashComplete, "{}"),
    "zsh": (ZshComplete, "_{}"),
    "fish": (FishComplete, "{}.fish"),
}

# -I: neither the environment nor the current directory has a say in what a root program loads.
LAUNCHER = """\
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "{modules}")
from {module} import {function}

sys.exit({function}())
"""


def main() -> None:
    """Write everything below the directory that is the only argument."""
    target = Path(sys.argv[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for program, entry in project["scripts"].items():
        module, _, function = entry.partition(":")
        text = LAUNCHER.format(modules=MODULES, module=module, function=function)
        _write(target / "bin" / program, text).chmod(0o755)
        if program not in WITHOUT_COMPLETION:
            for shell in SHELLS:
                _write(*_completion(target, shell, program))


def _completion(target: Path, shell: str, program: str) -> tuple[Path, str]:
    kind, name = SHELLS[shell]
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    # The text depends on the names alone; the program is asked when it is used.
    source = kind(Command(program), {}, program, variable).source()
    return target / shell / name.format(program), source


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
