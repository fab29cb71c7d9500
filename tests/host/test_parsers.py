"""The small parsers of the host room, and what a failed command is taken for."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from offctl.desired.model import Subid
from offctl.errors import MalformedError
from offctl.planner import actions as act
from offctl_agent.host import beliefs, failures, guests, pctconf, pctschema, subids


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"root:100000:65536\n", (("u", 100000, 65536),)),
        (b"root:1:2", (("u", 1, 2),)),
        (b"desk:100000:65536\nroot:1:2\n\nroot:3:4\r\n", (("u", 1, 2), ("u", 3, 4))),
        (b"", ()),
        (b"# root:1:2\n root:1:2\nroot:a:2\nroot:1\nrootx:1:2\nroot:1:2:3\n", ()),
        (b"root:-1:2\nroot:99999999999:1\n0:1:2\n\xff\n", ()),
    ],
)
def test_subids(content: bytes, found: tuple[tuple[str, int, int], ...]) -> None:
    assert subids.parse("u", content) == found


@given(st.binary(max_size=60), st.integers(1, 2**31), st.integers(1, 2**31))
def test_granting_only_appends_and_only_once(content: bytes, start: int, count: int) -> None:
    wish = Subid("u", start, count)
    granted = subids.granted(content, [wish])
    assert granted.startswith(content)
    assert ("u", start, count) in subids.parse("u", granted)
    assert subids.granted(granted, [wish]) == granted


def test_guests_are_sorted_by_id() -> None:
    content = (
        b'{"version":84,"ids":{"200":{"node":"b","type":"qemu","version":1},'
        b'"101":{"node":"a","type":"lxc","version":72}}}'
    )
    assert guests.parse(content) == ((101, "lxc", "a"), (200, "qemu", "b"))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{}", b'{"ids": 1}', b'{"ids": {"x": {"node": "a", "type": "lxc"}}}'),
        *(b'{"ids": {"1": {"node": "a"}}}', b'{"ids": {"1": 2}}', b"\xff", b"[" * 10000),
    ],
)
def test_a_guest_list_that_cannot_be_read_is_not_empty(content: bytes) -> None:
    with pytest.raises(MalformedError):
        guests.parse(content)


@pytest.mark.parametrize(
    ("stderr", "code"),
    [
        ("CT is locked (backup)", "LOCKED"),
        ("can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout", "LOCKED"),
        ("cluster not ready - no quorum?", "NO_QUORUM"),
        (
            "unable to open file '/etc/pve/nodes/a/lxc/1.conf.tmp.7' - Permission denied",
            "NO_QUORUM",
        ),
        ("detected modified configuration - file changed by other user? Try again.", "CONFLICT"),
        ("CT 101 already exists on node 'pve1'", "CONFLICT"),
        ("cannot create 'a/b': dataset already exists", "CONFLICT"),
        ("startup for container '101' failed", "FAILED"),
        ("", "FAILED"),
    ],
)
def test_only_words_tell_what_failed(stderr: str, code: str) -> None:
    error = failures.failure("set container 101", ("pct", "set", "101"), 255, stderr)
    assert error.code == code
    assert error.evidence == stderr
    assert str(error).startswith("cannot set container 101: pct set 101 exited with 255: ")


def test_evidence_is_bounded_and_keeps_the_end() -> None:
    error = failures.failure("x", ("pct",), 1, "a" * 10_000 + "\nthe cause")
    assert len(error.evidence) <= failures.MAX_EVIDENCE + 3
    assert error.evidence.endswith("the cause")
    assert str(error).endswith("the cause")


def _set(**options: str) -> act.SetContainer:
    return act.SetContainer(101, tuple(options.items()), (), (), (), protected=False)


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ({"mp0": "/a,mp=/b,ro=1"}, b"mp0: /a,mp=/b,ro=1\n"),
        ({"mp0": "mp=/b,volume=/a,ro=on"}, b"mp0: /a,mp=/b,ro=1\n"),
        ({"mp0": "store:5,mp=/b"}, b"mp0: store:subvol-101-disk-1,mp=/b,size=5G\n"),
        ({"net0": "name=eth0,bridge=b"}, b"net0: name=eth0,bridge=b,hwaddr=BC:24:11:1:2:3\n"),
        ({"tags": "Web,prod"}, b"tags: prod;web\n"),
        ({"onboot": "yes"}, b"onboot: 1\n"),
        ({"tty": "3"}, b"tty: 2\n\n[pve:pending]\ntty: 3\n"),
        ({"description": "a"}, b"#a\n"),
    ],
)
def test_written_in_other_words_is_written(options: dict[str, str], file: bytes) -> None:
    assert beliefs.unmet(_set(**options), pctconf.parse(file)) == ""


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ({"mp0": "/a,mp=/b"}, b""),
        ({"mp0": "/a,mp=/b"}, b"mp0: /a,mp=/c\n"),
        ({"mp0": "/a,mp=/b,ro=1"}, b"mp0: /a,mp=/b\n"),
        ({"mp0": "/a,mp=/b,ro=1"}, b"mp0: /a,mp=/b,ro=0\n"),
        ({"mp0": "store:5,mp=/b"}, b"mp0: other:subvol-101-disk-1,mp=/b,size=5G\n"),
        ({"mp0": "/a,mp=/b"}, b"mp0: /a,mp=/b,mp=/c\n"),
        ({"memory": "600"}, b"memory: 512\n"),
        ({"tty": "3"}, b"tty: 3\n\n[pve:pending]\ntty: 4\n"),
    ],
)
def test_success_that_wrote_something_else_is_none(options: dict[str, str], file: bytes) -> None:
    assert beliefs.unmet(_set(**options), pctconf.parse(file)) != ""


def test_a_deletion_or_reversal_that_did_nothing_is_told() -> None:
    now = pctconf.parse(b"mp0: /a,mp=/b\n\n[pve:pending]\ntty: 3\n")
    gone = act.SetContainer(101, (), ("mp0",), (), (), protected=False)
    assert "mp0" in beliefs.unmet(gone, now)
    back = act.SetContainer(101, (), (), ("tty",), (), protected=False)
    assert "tty" in beliefs.unmet(back, now)
    queued = pctconf.parse(b"mp0: /a,mp=/b\n\n[pve:pending]\ndelete: mp0\n")
    assert beliefs.unmet(gone, queued) == ""


def test_a_belief_is_compared_with_the_active_value() -> None:
    now = pctconf.parse(b"tty: 2\n\n[pve:pending]\ntty: 3\n")
    believed = act.SetContainer(101, (), (), (), (("tty", "2"), ("cores", "")), protected=False)
    assert beliefs.conflict(believed, now) == ""
    wrong = act.SetContainer(101, (), (), (), (("tty", "3"),), protected=False)
    assert "'2'" in beliefs.conflict(wrong, now)


def test_mount_lines_pve_would_skip() -> None:
    now = pctconf.parse(b"mp0: /a,mp=/b\nmp1: /a=b,mp=/c\nmp2: /a\nmp256: /a\nrootfs: x:y\n")
    assert beliefs.unreadable_mounts(now) == ("mp1", "mp2")


@given(st.text(max_size=40))
def test_no_text_breaks_the_schema(text: str) -> None:
    for kind in (*pctschema.KEYS.values(), *(k for k, _ in pctschema.NUMBERED.values())):
        for limits in (True, False):
            assert isinstance(pctschema.judge(kind, text, limits=limits), list)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser_and_writing_is_stable(content: bytes) -> None:
    written = pctconf.render(pctconf.read(content))
    again = pctconf.render(pctconf.read(written))
    assert pctconf.render(pctconf.read(again)) == again
    assert pctconf.parse(content).digest
