"""pctconf against what the real parser and writer did, and the editor against every other byte."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from host import cases
from offctl_agent.host import pctconf

CASES = cases.load(__file__, "pctconf.toml")
EDITS = cases.load(__file__, "idmap.toml")


def _section(wanted: dict[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    return wanted["options"], [tuple(pair) for pair in wanted.get("raw", [])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_reads_like_pve(case: dict[str, Any]) -> None:
    file = pctconf.read(case["input"].encode("latin-1"))
    empty: dict[str, Any] = {"options": {}}
    assert (file.main.options, file.main.raw) == _section(case["main"])
    pending = case.get("pending", empty)
    assert (file.pending.options, file.pending.raw) == _section(pending)
    snapshots = {name: (s.options, s.raw) for name, s in file.snapshots.items()}
    wanted = case.get("snapshots", {})
    assert snapshots == {name: _section(section) for name, section in wanted.items()}
    assert file.warnings == case.get("warnings", [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_writes_like_pve(case: dict[str, Any]) -> None:
    file = pctconf.read(case["input"].encode("latin-1"))
    assert pctconf.render(file) == case["written"].encode("latin-1")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_pve_wrote_stays_as_it_is(case: dict[str, Any]) -> None:
    written = case["written"].encode("latin-1")
    again = pctconf.render(pctconf.read(written))
    assert pctconf.render(pctconf.read(again)) == again


def test_configuration_stops_at_the_first_snapshot() -> None:
    now = pctconf.parse(
        b"memory: 512\nmp0: /a,mp=/b\nbroken line\nlxc.idmap: u 0 1 2\n\n"
        b"[pve:pending]\nmemory: 600\ndelete: mp0,!net1\n\n[old]\nmemory: 1\nlock: backup\n"
    )
    assert now.option("memory") == "512"
    assert now.pending == (("memory", "600"),)
    assert now.pending_delete == ("mp0", "net1")
    assert now.raw == (("lxc.idmap", "u 0 1 2"),)
    assert now.complaints == ("broken line",)
    assert now.lock == ""
    assert now.option("swap") is None


def test_a_mount_line_pve_cannot_parse_stays_visible() -> None:
    now = pctconf.parse(b"mp1: /data/a=b,mp=/mnt/eq\n")
    assert now.option("mp1") == "/data/a=b,mp=/mnt/eq"
    assert now.complaints == ()


def test_digest_is_the_sum_of_the_bytes() -> None:
    assert pctconf.parse(b"").digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert pctconf.parse(b"memory: 16\n").digest != pctconf.parse(b"memory: 16").digest


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case["name"])
def test_edits_only_the_idmap(case: dict[str, Any]) -> None:
    before = case["before"].encode("latin-1")
    assert pctconf.with_idmap(before, case["lines"]) == case["after"].encode("latin-1")


_LINES = st.lists(
    st.sampled_from(
        [
            *("memory: 512", "mp10: /a,mp=/b", "# note", "", "lxc.idmap: u 0 1 2", "[snap]"),
            *("lxc.idmap = g 5 6 7", "[pve:pending]", "junk", "caf\xe9\r", "lxc.cap.drop: x"),
            *("[not a header", "  lxc.idmap: u 9 9 9", "description: lxc.idmap: u 0 1 2"),
        ]
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(_LINES, st.booleans(), st.sampled_from([(), ("u 0 7 8",), ("u 0 7 8", "g 0 7 8")]))
def test_no_other_byte_ever_changes(
    lines: list[str],
    newline: bool,
    wanted: tuple[str, ...],
) -> None:
    content = ("\n".join(lines) + ("\n" if newline else "")).encode("latin-1")
    edited = pctconf.with_idmap(content, wanted)
    now = pctconf.parse(edited)
    found = tuple(" ".join(v.split()) for k, v in now.raw if k == "lxc.idmap")
    assert found == wanted
    before, after = pctconf.read(content), pctconf.read(edited)
    assert before.main.options == after.main.options
    assert before.snapshots == after.snapshots
    assert before.pending == after.pending
    assert pctconf.with_idmap(edited, wanted) == edited
    kept, old = (
        [line for line in text.split(b"\n") if not line.startswith(b"lxc.idmap")]
        for text in (edited, content)
    )
    assert [line for line in kept if line] == [line for line in old if line]
