"""The runner: every case to the verifier, one process each. Knows nothing of offctl."""

import argparse
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
import fnmatch
from pathlib import Path
import subprocess
import sys
import tempfile
import tomllib
from typing import Any
import zlib

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "trust" / "vectors"
SECONDS = 60.0
ACCEPTED, REFUSED = 0, 1
_SIGNED = ("manifest", "bundle", "timestamp", "rotation")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case and what the verifier made of it."""

    name: str
    about: str
    expected: str
    found: str

    @property
    def right(self) -> bool:
        return self.expected == self.found


def judge(file: Path, verifier: list[str]) -> Outcome:
    """Run one case."""
    case = tomllib.loads(file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
        arguments = list(_arguments(case, Path(directory)))
        found = _ask([*verifier, *arguments])
    return Outcome(file.stem, case["about"], case["expect"], found)


def _arguments(case: dict[str, Any], directory: Path) -> Iterator[str]:
    kind = case["kind"]
    yield kind
    if kind in _SIGNED:
        yield from ("--root", _file(directory, "root", case["root"].encode()))
    if kind in ("manifest", "bundle", "timestamp"):
        now: datetime = case["now"]
        yield from ("--now", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if kind in ("manifest", "bundle"):
        yield from ("--floor-serial", str(case["floor"]["serial"]))
        if case["floor"]["sha256"]:
            yield from ("--floor-sha256", case["floor"]["sha256"])
        if case["kept"]:
            yield "--kept"
    if kind == "bundle":
        yield from ("--envelope", _file(directory, "envelope", _unpacked(case["envelope"])))
        yield from ("--host", case["host"])
    yield _file(directory, "content", _unpacked(case["content"]))


def _file(directory: Path, name: str, content: bytes) -> str:
    path = directory / name
    path.write_bytes(content)
    return str(path)


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text)) if text else b""


def _ask(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS:g} s"
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode not in (ACCEPTED, REFUSED) or len(lines) != 1:
        return f"exit status {done.returncode} and {len(lines)} lines"
    if lines[0].split()[:1] == ["ok"] and done.returncode != ACCEPTED:
        return "ok, but with the exit status of a refusal"
    if lines[0].split()[:1] != ["ok"] and done.returncode != REFUSED:
        return f"{lines[0][:60]}, but with the exit status of acceptance"
    return lines[0][:60]


def main() -> None:
    """Run every chosen case; exit 0 when all of them are right."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--vectors", type=Path, default=VECTORS, help="a directory of cases")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases by name")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one in N of them")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("verifier", nargs="+", help="the command, after --")
    chosen = parser.parse_args()
    names = sorted(chosen.vectors.glob("*.toml"))
    files = [file for file in names if fnmatch.fnmatch(file.stem, chosen.only)][:: chosen.every]
    with ThreadPoolExecutor(chosen.jobs) as pool:
        outcomes = list(pool.map(lambda file: judge(file, chosen.verifier), files))
    wrong = [outcome for outcome in outcomes if not outcome.right]
    for outcome in wrong:
        print(f"{outcome.name}: {outcome.about}")
        print(f"  expected {outcome.expected}, found {outcome.found}")
    print(f"{len(outcomes) - len(wrong)} of {len(outcomes)} cases are right")
    sys.exit(0 if outcomes and not wrong else 1)


if __name__ == "__main__":
    main()
