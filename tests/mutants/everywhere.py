"""The trust core with one mistake at a time: does a test notice?

`make mutants`, or `PYTHONPATH=tests:. python -m mutants.everywhere --seconds 900 --seed 1`. Each
mistake is tried in a fork of one process that has loaded everything but our own code: first by the
vectors, which are read once, then by the quick tests, then by the slow ones. Prints what goes
unnoticed. Fails when `equivalent.toml` does not explain it, or explains what is not there or is
noticed.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module, util
import itertools
import os
from pathlib import Path
import random
import signal
import sys
import tempfile
import time
from types import ModuleType
from typing import Any

import pytest
import tomli

from mutants.mistakes import Mistake, mistakes

ROOT = Path(__file__).resolve().parent.parent.parent
TRUST = ROOT / "common/offctl/trust"
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
# Those that notice most come first: one that notices is enough.
TESTS = ("accept", "documents", "sizes", "keys", "vectors", "chains", "curve", "envelope")
FILES = [str(ROOT / f"tests/trust/test_{test}.py") for test in TESTS]
SLOW = (
    "test_no_json_value_in_any_place_passes",
    "test_a_chain_that_is_too_long_is_refused_as_a_whole",
    "a22-25",
    "test_no_mutation_of_the_bytes_passes",
    "test_files_are_what_the_program_makes",
    "test_well_signed_rubbish_is_malformed",
    "test_exactly_the_right_number_of_good_signatures_passes",
    "test_no_bytes_that_were_not_signed_verify",
    "test_verdicts_agree_with_arithmetic",
)
# Some mistakes make a loop that has no end.
PATIENCE = 300


# The vectors, as test_vectors.py reads them.
CASES: list[dict[str, Any]] = []


def everything() -> Iterator[Mistake]:
    """Every mistake in every module."""
    for path in sorted(TRUST.glob("*.py")):
        if path.stem != "__init__":
            yield from mistakes(f"offctl.trust.{path.stem}", path.read_text(encoding="utf-8"))


def verdicts(tried: Iterable[Mistake], jobs: int) -> Iterator[tuple[Mistake, bool]]:
    """Each mistake, and whether a test fails, or never ends, with it."""
    running: dict[int, Mistake] = {}
    for mistake in tried:
        running[_forked(lambda mistake=mistake: _tested(mistake))] = mistake  # type: ignore[misc]
        if len(running) == jobs:
            process, ended = os.wait()
            yield running.pop(process), ended != 0
    while running:
        process, ended = os.wait()
        yield running.pop(process), ended != 0


def _forked(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            _silent()
            status = work()
        finally:
            os._exit(status)
    return child


def _silent() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


def _tested(mistake: Mistake) -> int:
    import_module("offctl.trust")
    spec = util.find_spec(mistake.module)
    assert spec is not None
    module = util.module_from_spec(spec)
    sys.modules[mistake.module] = module
    exec(compile(mistake.tree(), str(spec.origin), "exec"), module.__dict__)
    setattr(sys.modules["offctl.trust"], mistake.module.rpartition(".")[2], module)
    vectors = import_module("trust.test_vectors")
    if any(vectors.judge(case) != case["expect"] for case in CASES):
        return 1
    slow = " or ".join(SLOW)
    return _pytest("-k", f"not ({slow} or test_verdict)") or _pytest("-k", slow)


def _pytest(*more: str) -> int:
    return int(pytest.main(["-x", "-n0", "-q", "-p", "no:cacheprovider", *more, *FILES]))


def warm() -> None:
    """Load what the tests load, then forget what is ours: it has to be loaded with the mistake."""
    kept = os.dup(1), os.dup(2)
    _silent()
    try:
        _pytest("--collect-only")
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
    vectors = import_module("trust.test_vectors")
    short = [file for file in vectors.FILES if not file.stem.startswith("a22-25")]
    CASES.extend(vectors.read(file) for file in short)
    for name in [name for name, module in sys.modules.items() if _ours(module)]:
        del sys.modules[name]


def _ours(module: ModuleType) -> bool:
    # A directory without __init__.py is known by its path only, and keeps what it loaded.
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    path = Path(next((place for place in places if place), "/"))
    return path.is_relative_to(ROOT) and not path.is_relative_to(sys.prefix)


def explained() -> dict[tuple[str, str, str], str]:
    """Why some mistakes change nothing that anybody could see."""
    table = tomli.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return {(one["module"], one["code"], one["said"]): one["why"] for one in table["equivalent"]}


def judge(found: Iterable[tuple[Mistake, bool]], of: int) -> int:
    """Say what is not as `explained` has it; how many those are."""
    reasons = explained()
    wrong = tried = missed = 0
    met = set()
    for mistake, noticed in found:
        tried += 1
        missed += not noticed
        if tried % 50 == 0:
            print(f"{tried} of {of}", flush=True)
        if not noticed:
            met.add(mistake.name)
        if noticed == (mistake.name in reasons):
            wrong += 1
            what = "noticed after all" if noticed else "unnoticed"
            print(f"{what}: {mistake.module}:{mistake.line}: {mistake.said}: {mistake.code}")
            sys.stdout.flush()
    for module, code, said in (reasons.keys() - met) if tried == of else ():
        wrong += 1
        print(f"explained, but not there or noticed: {module}: {said}: {code}")
    print(f"{tried} of {of} mistakes tried, {tried - missed} noticed, {missed} not")
    return wrong


def main() -> None:
    """Try as many as there is time for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    every = list(everything())
    random.Random(chosen.seed).shuffle(every)
    with tempfile.TemporaryDirectory() as examples:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = examples
        warm()
        [(_, failed)] = verdicts([every[0].undone()], 1)
        if failed:
            sys.exit("the tests fail without any mistake: nothing can be said")
        found = verdicts(_timely(every, chosen.seconds), chosen.jobs)
        sys.exit(bool(judge(found, of=len(every))))


def _timely(every: list[Mistake], seconds: float) -> Iterator[Mistake]:
    until = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < until, every)


if __name__ == "__main__":
    main()
