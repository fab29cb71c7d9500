"""What a release would cut, by what the hosts said last: each case is a phase and two reports."""

from dataclasses import replace
from pathlib import Path
import shutil

import pytest

from cli.test_tunnel import CLIENT, EXAMPLE, NAME, SERVER, report
from offctl.desired.model import DesiredState
from offctl.report import TunnelStatus
from offctl_cli import cutting
from offctl_cli.commands import tunnel
from offctl_cli.rotation import Phase
from offctl_cli.site import load

ONE, TWO = (CLIENT, replace(CLIENT, generation=2))
FIRST, SECOND = (SERVER, replace(SERVER, generation=2))
LATE = replace(SECOND, state="not loaded")
FORGETS = "off2 would not accept generation 1 any more"
TOO_EARLY = "ovh1 would use generation 2, and off2 has not said that it accepts it"


def wanted(directory: Path, generation: int, phase: str | None, revoked: int | None) -> dict[
    str, DesiredState
]:  # fmt: skip
    site = Path(shutil.copytree(EXAMPLE, directory / "site"))
    if generation > 1:
        tunnel.write(site, NAME, Phase(generation, phase, ""), revoked=revoked)
    return {state.host: state for state in load.compile_site(site).states}


@pytest.mark.parametrize(
    ("phase", "said", "expected"),
    [
        # In order.
        ((1, None), (), []),
        ((1, None), (ONE, FIRST), []),
        ((2, "accept"), (ONE, FIRST), []),
        ((2, "switch"), (ONE, FIRST, SECOND), []),
        ((2, None), (TWO, FIRST, SECOND), []),
        ((2, None), (TWO, SECOND), []),
        # A new tunnel, and a host that has never said anything.
        ((2, None), (), []),
        # The old key goes too early.
        ((2, None), (ONE, FIRST, SECOND), [FORGETS]),
        ((2, None), (replace(ONE, state="broken"), FIRST, SECOND), [FORGETS]),
        ((3, "accept"), (ONE, FIRST, SECOND), [FORGETS, ""]),
        # The new one is used too early.
        ((2, "switch"), (ONE, FIRST), [TOO_EARLY]),
        ((2, "switch"), (ONE, FIRST, LATE), [TOO_EARLY]),
        # Both at once, by hand.
        ((2, None), (ONE, FIRST), [FORGETS, TOO_EARLY]),
        # Back to what was.
        ((1, None), (TWO, FIRST, SECOND), ["off2 would not accept generation 2 any more"]),
    ],
)
def test_phases(
    tmp_path: Path,
    phase: tuple[int, str | None],
    said: tuple[TunnelStatus, ...],
    expected: list[str],
) -> None:
    ends = [s for s in said if s.role == "client"], [s for s in said if s.role == "server"]
    reports = {"ovh1": report("ovh1", *ends[0]), "off2": report("off2", *ends[1]), "off1": None}
    found = list(cutting.cuts(wanted(tmp_path, *phase, None), reports))
    assert {name for name, _ in found} <= {NAME}
    assert len(found) == len([text for text in expected if text]), found
    for (_, reason), text in zip(found, expected, strict=False):
        assert text in reason


def test_what_is_revoked_is_meant_to_be_cut(tmp_path: Path) -> None:
    reports = {"ovh1": report("ovh1", ONE), "off2": report("off2", FIRST)}
    assert list(cutting.cuts(wanted(tmp_path, 2, None, 1), reports)) == []


def test_what_a_stranger_says_counts_for_nothing(tmp_path: Path) -> None:
    reports = {"evil": report("evil", ONE, SECOND), "ovh1": report("ovh1", TWO)}
    assert list(cutting.cuts(wanted(tmp_path, 2, None, None), reports)) == []


@pytest.mark.parametrize(
    ("before", "after", "revoked", "mute", "expected"),
    [
        # The old key goes, another is used, it goes back, both at once by hand.
        ((2, "switch"), (2, None), None, ("ovh1",), ["ovh1"]),
        ((2, "accept"), (2, "switch"), None, ("off2",), ["off2"]),
        ((2, "switch"), (1, None), None, ("ovh1", "off2"), ["ovh1", "off2"]),
        ((1, None), (2, None), None, ("ovh1",), ["ovh1"]),
        ((2, "switch"), (2, None), None, ("off1",), []),
        # Every key that may be in use stays.
        ((2, "switch"), (2, "switch"), None, ("ovh1", "off2"), []),
        ((1, None), (2, "accept"), None, ("ovh1", "off2"), []),
        # Revoked is meant to be cut, and nothing beside it.
        ((1, None), (2, None), 1, ("ovh1",), []),
        ((2, "switch"), (3, None), 2, ("ovh1", "off2"), []),
        ((2, "switch"), (3, None), 1, ("ovh1",), ["ovh1"]),
    ],
)
def test_a_host_that_does_not_say_which_key_it_uses_may_use_any(
    tmp_path: Path,
    before: tuple[int, str | None],
    after: tuple[int, str | None],
    revoked: int | None,
    mute: tuple[str, ...],
    expected: list[str],
) -> None:
    published = wanted(tmp_path / "before", *before, None)
    found = cutting.unsaid(wanted(tmp_path / "after", *after, revoked), mute, published)
    assert list(found) == [(NAME, host) for host in expected]


def test_without_a_release_before_it_all_that_is_managed_may_be_cut(tmp_path: Path) -> None:
    states = wanted(tmp_path, 1, None, None)
    found = list(cutting.unsaid(states, ("ovh1",), None))
    assert {host for _, host in found} == {"ovh1"}
    ours = {e.name for s in states.values() for e in s.tunnels if not e.kept and not e.psk_file}
    assert {name for name, _ in found} == ours
    assert list(cutting.unsaid(states, ("ovh1",), {})) == []
