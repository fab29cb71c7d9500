"""`offctl rollout` and `offctl revert` against a real coordinator."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path

import click
import pytest

from offctl import errors
from offctl import report as reports
from offctl.desired.model import DesiredState, Freeze, TunnelEnd
from offctl.trust import accept
from offctl.trust import release as releases
from offctl.trust.accept import Floor
from offctl.trust.release import SignedRelease
from offctl_cli.commands import revert, rollout
from offctl_cli.fleet import Rollout, RolloutHost
from transport.fleet import Fleet, Running, now, served, sha256
from transport.test_operator_commands import configure, offctl

UNTIL = datetime(2030, 1, 1, tzinfo=UTC)
FAILED = reports.ResourceStatus("container 113 off", "failed", "cannot start it: no")


def waves(fleet: Fleet, serial: int) -> SignedRelease:
    states = (replace(fleet.state(h), wave=w, soak=600) for h, w in (("off1", 1), ("off2", 2)))
    return fleet.release_of(serial, *states)


def fail(fleet: Fleet, running: Running, release: SignedRelease) -> None:
    report = fleet.report(
        "off1",
        serial=1,
        manifest_sha256=sha256(release),
        counts=reports.Counts(resources=1, failed=1),
        resources=(FAILED,),
    )
    running.do(running.coordinator.report("off1", report))


def test_a_rollout_is_shown_paused_resumed_and_promoted(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, waves(fleet, 1)) as running:
        config = configure(tmp_path, fleet, running.address)
        shown = offctl(rollout.command, config, "status")
        assert shown.exit_code == 1
        assert shown.output.splitlines() == [
            "release 1: wave 1 of 1, 2 has its turn",
            "  wave 1  off1: offered 1, awaited  right for 0s of 10min  never reported",
            "  wave 2  off2: offered nothing, queued  "
            "release 1 waits for wave 1 to be right for its soak",
        ]
        paused = offctl(rollout.command, config, "pause", "--reason", "campaign")
        assert "stays with wave 1 until `offctl rollout resume`" in paused.output
        assert "paused by desk: campaign" in offctl(rollout.command, config, "status").output
        assert offctl(rollout.command, config, "resume").output == (
            "release 1 goes on from wave 1\n"
        )
        promoted = offctl(rollout.command, config, "promote")
        assert promoted.output == "release 1: wave 2 has its turn: off2\n"
        assert offctl(rollout.command, config, "status").exit_code == 0
        with pytest.raises(errors.RefusedError, match="every wave of release 1 has its turn"):
            offctl(rollout.command, config, "promote")


def test_a_halt_names_host_and_resource(tmp_path: Path) -> None:
    fleet = Fleet()
    one = waves(fleet, 1)
    with served(fleet, tmp_path, one) as running:
        config = configure(tmp_path, fleet, running.address)
        fail(fleet, running, one)
        shown = offctl(rollout.command, config, "status")
        assert shown.exit_code == 2
        assert "halted: off1: container 113 off: cannot start it: no" in shown.output
        assert json.loads(offctl(rollout.command, config, "status", "--json").output)["halted"]


def test_a_host_cannot_forge_a_line() -> None:
    evil = "boom\n  wave 2  off2: offered 9, converged\x1b[2J"
    host = RolloutHost("off1", 1, 600, 0, 1, "failed", evil)
    found = Rollout(1, 1, "by desk: " + evil, "off1: " + evil, (host,))
    shown = list(rollout.lines(found))
    assert len([line for line in shown if line.startswith("  wave")]) == 1
    assert not any("\n" in line or "\x1b" in line for line in shown)


def test_nothing_published_is_said(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configure(tmp_path, fleet, running.address)
        assert (
            offctl(rollout.command, config, "status").output == "nothing has been published yet\n"
        )
        with pytest.raises(errors.RefusedError):
            offctl(rollout.command, config, "promote")
        with pytest.raises(errors.NotFoundError, match="nothing has been published yet"):
            offctl(revert.command, config, "1", *signed(tmp_path, fleet))


def signed(directory: Path, fleet: Fleet) -> tuple[str, ...]:
    key = directory / "release.pem"
    key.write_bytes(fleet.release_key.to_pem())
    return ("--sign-with", str(key), "-o", str(directory / "new.release"))


def with_pools(state: DesiredState, *pools: str) -> DesiredState:
    return replace(state, pools=pools)


def believed(directory: Path, fleet: Fleet) -> tuple[int, dict[str, DesiredState]]:
    """The new release as a host would believe it."""
    release = releases.parse((directory / "new.release").read_bytes())
    found = accept.manifest(release.envelope, fleet.root(), floor=Floor(2), now=now())
    states = {
        host: accept.bundle(found, host=host, content=content) for host, content in release.bundles
    }
    return found.manifest.serial, states


Change = Callable[[Fleet, DesiredState], DesiredState]


def both(fleet: Fleet, then: Change, since: Change) -> tuple[SignedRelease, SignedRelease]:
    one = fleet.release_of(1, then(fleet, fleet.state("off1")))
    return one, fleet.release_of(2, since(fleet, fleet.state("off1")))


def test_going_back_is_shown_and_signed_as_a_new_serial(tmp_path: Path) -> None:
    fleet = Fleet()
    pair = both(fleet, lambda _, s: with_pools(s, "old"), lambda _, s: with_pools(s, "new"))
    with served(fleet, tmp_path, *pair) as running:
        config = configure(tmp_path, fleet, running.address)
        done = offctl(revert.command, config, "1", "--yes", *signed(tmp_path, fleet))
    assert "--- off1 now" in done.output
    assert '-    "new",' in done.output
    assert '+    "old",' in done.output
    assert "next: `offctl publish" in done.output
    serial, states = believed(tmp_path, fleet)
    assert serial == 3
    assert states["off1"].pools == ("old",)


def test_nothing_is_signed_without_a_yes(tmp_path: Path) -> None:
    fleet = Fleet()
    pair = both(fleet, lambda _, s: with_pools(s, "old"), lambda _, s: with_pools(s, "new"))
    with served(fleet, tmp_path, *pair) as running:
        config = configure(tmp_path, fleet, running.address)
        with pytest.raises(click.Abort):
            offctl_or_abort(config, "1", *signed(tmp_path, fleet))
    assert not (tmp_path / "new.release").exists()


def offctl_or_abort(config: Path, *arguments: str) -> None:
    result = offctl(revert.command, config, *arguments)
    assert result.exit_code == 1
    raise click.Abort


def test_identities_freezes_and_rotated_keys_do_not_go_back(tmp_path: Path) -> None:
    fleet, other = Fleet(), Fleet()
    freeze = Freeze(UNTIL, "campaign")
    tunnel = TunnelEnd(
        "redis", "client", "redis", 0, "off", "127.0.0.1:6379", "10.0.0.1:6380", "redis-g1", 1,
        "off1", peer_key=other.tunnel_key,
    )  # fmt: skip
    rotated = replace(tunnel, generation=2, identity="redis-g2", peer_key=fleet.tunnel_key)

    def then(_: Fleet, state: DesiredState) -> DesiredState:
        return replace(with_pools(state, "old"), tunnels=(tunnel,))

    def since(_: Fleet, state: DesiredState) -> DesiredState:
        return replace(state, tunnels=(rotated,), freeze=freeze, approved=("0" * 64,))

    stolen = replace(fleet.state("off1"), identity=other.state("off1").identity)
    one = fleet.release_of(1, then(fleet, stolen), fleet.state("gone"))
    two = fleet.release_of(2, since(fleet, fleet.state("off1")), fleet.state("new"))
    with served(fleet, tmp_path, one, two) as running:
        config = configure(tmp_path, fleet, running.address)
        done = offctl(revert.command, config, "1", "--yes", *signed(tmp_path, fleet))
    for note in (
        "gone: it has left the site since, and stays out",
        "new: it was not there then, and stays as it is",
        "off1: what is frozen stays frozen",
        "off1: tunnel redis keeps generation 2",
    ):
        assert f"note: {note}" in done.output
    _, states = believed(tmp_path, fleet)
    assert set(states) == {"off1", "new"}
    assert states["off1"].identity == fleet.state("off1").identity
    assert states["off1"].freeze == freeze
    assert states["off1"].approved == ()
    assert states["off1"].tunnels == (rotated,)
    assert states["off1"].pools == ("old",)


def test_the_same_content_is_not_signed_again(tmp_path: Path) -> None:
    fleet = Fleet()
    pair = both(fleet, lambda _, s: s, lambda _, s: s)
    with served(fleet, tmp_path, *pair) as running:
        config = configure(tmp_path, fleet, running.address)
        done = offctl(revert.command, config, "1", "--yes", *signed(tmp_path, fleet))
        assert "asks for the same as release 1 already" in done.output
        with pytest.raises(errors.AuthorError, match="it is the newest"):
            offctl(revert.command, config, "2", "--yes", *signed(tmp_path, fleet))
        with pytest.raises(errors.NotFoundError, match="cannot give release 9"):
            offctl(revert.command, config, "9", "--yes", *signed(tmp_path, fleet))
    assert not (tmp_path / "new.release").exists()


def test_what_the_coordinator_gives_is_believed_by_its_signature_only(tmp_path: Path) -> None:
    fleet = Fleet()
    pair = both(fleet, lambda _, s: with_pools(s, "old"), lambda _, s: with_pools(s, "new"))
    forged = Fleet().release(1, "off1")
    for given, said in (
        (forged, "SIG_INVALID"),
        (pair[1], "MISMATCH"),
        (replace(pair[0], bundles=pair[1].bundles), "MALFORMED"),
    ):
        directory = tmp_path / said
        directory.mkdir()
        with served(fleet, directory, *pair) as running:
            config = configure(directory, fleet, running.address)
            honest = running.coordinator.release

            async def lying(
                serial: int,
                given: SignedRelease = given,
                honest: Callable[[int], object] = honest,
            ) -> SignedRelease:
                return given if serial == 1 else await honest(serial)  # type: ignore[misc]

            running.coordinator.release = lying  # type: ignore[method-assign]
            with pytest.raises(errors.OffctlError) as refused:
                offctl(revert.command, config, "1", "--yes", *signed(directory, fleet))
            assert refused.value.code == said
            assert not (directory / "new.release").exists()


def test_the_time_of_a_release_given_back_does_not_matter(tmp_path: Path) -> None:
    fleet = Fleet()
    created = now() - timedelta(days=60)
    one = fleet.release_of(
        1, with_pools(fleet.state("off1"), "old"), created=created, expires=now() - timedelta(1)
    )
    with served(fleet, tmp_path, clock=lambda: created + timedelta(days=1)) as running:
        running.do(running.publish(one))
    two = fleet.release(2, "off1")
    with served(fleet, tmp_path, two) as running:
        config = configure(tmp_path, fleet, running.address)
        offctl(revert.command, config, "1", "--yes", *signed(tmp_path, fleet))
    assert believed(tmp_path, fleet)[1]["off1"].pools == ("old",)
