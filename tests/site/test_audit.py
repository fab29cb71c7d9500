"""What is only looked at: a host, a container, a dataset; the narrowest word counts."""

from collections.abc import Callable

from offctl.desired import bundle
from offctl.desired.model import DesiredState, Mode
from offctl_cli.site import compiler

Compile = Callable[[str], compiler.Compiled]

MORE = """
[flavors.f]
place.h = "tank/f"
[datasets.d]
place.h = "tank/d"
audit = true
[datasets."f/images"]
audit = true
[containers.watched]
use = "po"
id = 101
mode = "audit"
[containers.kept]
use = "po"
id = 102
"""


def state(compiled: Compile, text: str) -> DesiredState:
    found = compiled(text)
    assert [str(each) for each in found.findings] == []
    (only,) = found.states
    assert bundle.parse(bundle.dump(only)) == only
    return only


def test_one_word_for_one_thing(compiled: Compile, base: str) -> None:
    only = state(compiled, base + MORE)
    assert only.mode is Mode.ENFORCE
    assert {d.name for d in only.datasets if d.mode is Mode.AUDIT} == {"tank/d", "tank/f/images"}
    assert {c.id for c in only.containers if c.mode is Mode.AUDIT} == {101}


def test_without_the_word_everything_is_kept(compiled: Compile, base: str) -> None:
    less = MORE.replace("audit = true\n", "").replace('mode = "audit"\n', "")
    only = state(compiled, base + less)
    modes = {each.mode for each in only.datasets} | {each.mode for each in only.containers}
    assert modes == {Mode.ENFORCE}
    assert b"audit" not in bundle.dump(only)
