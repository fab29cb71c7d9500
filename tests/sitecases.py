"""Reads the case files: one small site each, its findings marked on their lines.

A case with a `[site]` table is a whole site; any other stands beside base.toml. A line that is
complained about ends in `# <- error[code]`, several separated by spaces; every other line, and the
case as a whole, must be clean.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
import re

from offctl_cli.site import load
from offctl_cli.site.compiler import Compiled

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
HERE = Path(__file__).parent / "site" / "lint"
_MARK = re.compile(r"# <-((?: [a-z]+\[[a-z-]+\])+)$")


@dataclass(frozen=True, slots=True)
class Case:
    path: Path

    @property
    def code(self) -> str:
        return self.path.parent.name

    @property
    def is_good(self) -> bool:
        return self.path.name.startswith("good")

    def expected(self) -> set[tuple[int, str]]:
        """Line and `severity[code]` of each finding."""
        return {
            (number, word)
            for number, line in enumerate(self.path.read_text().splitlines(), 1)
            for match in [_MARK.search(line)]
            if match
            for word in match[1].split()
        }

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write the site; give its directory and the file the case is in."""
        text = self.path.read_text()
        if "[site]\n" in text:
            (directory / "site.toml").write_text(text)
            return directory, directory / "site.toml"
        base = (HERE / "base.toml").read_text()
        (directory / "site.toml").write_text(f'include = ["case.toml"]\n{base}')
        (directory / "case.toml").write_text(text)
        return directory, directory / "case.toml"

    def found(self, directory: Path) -> tuple[Compiled, set[tuple[int, str]]]:
        """What the checker says; findings elsewhere than in the case have line -1."""
        site, file = self.write(directory)
        compiled = load.compile_site(site, NOW)
        return compiled, {
            (each.line if each.file == str(file) else -1, f"{each.severity.value}[{each.code}]")
            for each in compiled.findings
        }


CASES = [Case(path) for path in sorted((HERE / "cases").glob("*/*.toml"))]


def label(case: Case) -> str:
    return f"{case.code}/{case.path.stem}"
