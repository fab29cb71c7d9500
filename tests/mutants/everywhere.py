"""The trust core with one mistake at a time: does a test notice?

`make mutants`, or `PYTHONPATH=tests:. python -m mutants.everywhere --seconds 900 --seed 1`. Each
mistake is tried in a process of its own. Prints those that go unnoticed, and the share of the rest.
"""

import argparse
import ast
from collections.abc import Iterator
import importlib
from importlib import util
import os
from pathlib import Path
import random
import signal
import sys
import time

import pytest

from mutants.mistakes import mistakes

ROOT = Path(__file__).resolve().parent.parent.parent
TRUST = ROOT / "common/offctl/trust"
# Quickest first: one that notices is enough.
TESTS = ("accept", "documents", "curve", "keys", "envelope", "chains", "vectors")
PATIENCE = 600


def modules() -> Iterator[tuple[str, Path]]:
    """What mistakes are put into."""
    for path in sorted(TRUST.glob("*.py")):
        if path.stem != "__init__":
            yield f"offctl.trust.{path.stem}", path


def everything() -> Iterator[tuple[str, int, str, ast.Module]]:
    """Module, line, what is wrong, and the module's tree with it."""
    for name, path in modules():
        for line, said, tree in mistakes(path.read_text(encoding="utf-8")):
            yield name, line, said, tree


def noticed(name: str, tree: ast.Module) -> bool:
    """Whether a test fails, or never ends, with this in the place of a module."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        status = 1
        try:
            status = _tested(name, tree)
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return ended != 0


def _tested(name: str, tree: ast.Module) -> int:
    importlib.import_module("offctl.trust")
    spec = util.find_spec(name)
    assert spec is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(tree, str(spec.origin), "exec"), module.__dict__)
    setattr(sys.modules["offctl.trust"], name.rpartition(".")[2], module)
    files = [str(ROOT / f"tests/trust/test_{test}.py") for test in TESTS]
    return int(pytest.main(["-x", "-n0", "-q", "-p", "no:cacheprovider", *files]))


def main() -> None:
    """Try as many as there is time for; exit 1 when fewer are noticed than is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.0, help="percent that must be noticed")
    chosen = parser.parse_args()
    every = list(everything())
    random.Random(chosen.seed).shuffle(every)
    name, path = next(modules())
    if noticed(name, ast.parse(path.read_text(encoding="utf-8"))):
        sys.exit(f"the tests fail without any mistake in {name}: nothing can be said")
    until, tried, missed = time.monotonic() + chosen.seconds, 0, 0
    for name, line, said, tree in every:
        if time.monotonic() > until:
            break
        tried += 1
        if not noticed(name, tree):
            missed += 1
            print(f"unnoticed: {name}:{line}: {said}", flush=True)
    share = 100 * (tried - missed) / max(tried, 1)
    print(f"{tried} of {len(every)} mistakes tried, {share:.1f} % noticed (seed {chosen.seed})")
    sys.exit(share < chosen.least)


if __name__ == "__main__":
    main()
