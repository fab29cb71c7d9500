"""Publishing successors of the trust root, and what a lost or restored database cannot undo."""

from pathlib import Path
import shutil

from grpc import aio
import pytest

from offctl import errors
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust import rotation
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl_coordinator.lasting import Lasting
from transport.fleet import Fleet, Pair, Running, serving, sha256

SECONDS = 5.0
NEXT = SecretKey.generate()


def two(fleet: Fleet, **changes: object) -> TrustRoot:
    both = (("desk", fleet.release_key.public), ("next", NEXT.public))
    return fleet.root(**{"version": 2, "release_keys": both, **changes})


def signed(fleet: Fleet, root: TrustRoot, *keys: SecretKey) -> bytes:
    return rotation.sign(root, keys or (fleet.release_key, NEXT))


async def offer(running: Running, envelope: bytes) -> operator_pb2.PublishTrustRootResponse:
    async with running.operator() as stub:
        request = operator_pb2.PublishTrustRootRequest(envelope=envelope)
        found: operator_pb2.PublishTrustRootResponse = await stub.PublishTrustRoot(
            request, timeout=SECONDS
        )
        return found


async def code(running: Running, envelope: bytes) -> str:
    with pytest.raises(aio.AioRpcError) as refused:
        await offer(running, envelope)
    return (refused.value.details() or "").partition(":")[0]


async def versions(running: Running, host: str, version: int) -> list[int]:
    async with running.agent(host) as stub:
        request = agent_pb2.FetchReleaseRequest(trust_version=version)
        response = await stub.FetchRelease(request, timeout=SECONDS)
        return [root.version for root in response.trust_roots]


async def test_a_successor_is_served_to_whoever_is_behind(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        second, third = signed(fleet, two(fleet)), signed(fleet, two(fleet, version=3))
        assert (await offer(running, second)).version == 2
        again = await offer(running, second)
        assert (again.version, again.already_in_force) == (2, True)
        assert not (await offer(running, third)).already_in_force
        found = [await versions(running, "off1", version) for version in range(5)]
        assert found == [[], [2, 3], [3], [], []]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"version": 3}, "SKIPPED"),
        ({"version": 1, "threshold": 2}, "ROLLBACK"),
        ({"site": "staging"}, "WRONG_SITE"),
        ({"timestamp_key": SecretKey.generate().public}, "MISMATCH"),
        ({"coordinators": ()}, "MISMATCH"),
        ({"operators": ()}, "MISMATCH"),
    ],
)
async def test_a_wrong_successor_changes_nothing(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        assert await code(running, signed(fleet, two(fleet, **changes))) == expected
        assert await versions(running, "off1", 1) == []
    assert Lasting(tmp_path).chain() == ()


async def test_signatures_count_and_sizes_are_bounded(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        for keys in ((NEXT,), (fleet.timestamp_key,)):
            assert await code(running, signed(fleet, two(fleet), *keys)) == "SIG_INVALID"
        assert await code(running, b"{}") in ("MALFORMED", "SIG_INVALID")
        assert await code(running, b" " * (rotation.MAX_ENVELOPE + 1)) == "TOO_LARGE"


async def test_a_removed_operator_is_out_at_once_and_stays_out(tmp_path: Path) -> None:
    """On the connection that is still open, after a restart, and without the database."""
    fleet = Fleet()
    new = Pair.make("new")
    root = two(fleet, operators=(("new", new.certificate),))
    request = operator_pb2.ListHostsRequest()
    async with serving(fleet, tmp_path) as running, running.operator() as stub:
        await running.publish(fleet.release(1, "off1"))
        await stub.ListHosts(request, timeout=SECONDS)
        await offer(running, signed(fleet, root))
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.ListHosts(request, timeout=SECONDS)
        assert refused.value.code().name == "UNAUTHENTICATED"
    for file in tmp_path.glob("coordinator.db*"):
        file.unlink()
    async with serving(fleet, tmp_path) as running, running.operator() as stub:
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.ListHosts(request, timeout=SECONDS)
        assert refused.value.code().name == "UNAVAILABLE"
        assert [step.version for step in Lasting(tmp_path).chain()] == [2]


async def test_a_removed_key_ends_what_it_signed(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        root = two(fleet, release_keys=(("next", NEXT.public),))
        await offer(running, signed(fleet, root))
        with pytest.raises(errors.NotFoundError):
            await running.coordinator.fetch("off1", "")
        with pytest.raises(errors.RefusedError):
            await running.publish(fleet.release(2, "off1"))
        fleet.release_key = NEXT
        await running.publish(fleet.release(2, "off1"))
        assert await versions(running, "off1", 1) == [2]


async def test_a_database_from_a_backup_lets_nobody_back_in(tmp_path: Path) -> None:
    fleet = Fleet()
    database, backup = tmp_path / "coordinator.db", tmp_path / "backup.db"
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "gone"))
    shutil.copy(database, backup)
    newest = fleet.release(2, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(newest)
    for file in tmp_path.glob("coordinator.db*"):
        file.unlink()
    shutil.copy(backup, database)
    async with serving(fleet, tmp_path) as running:
        async with running.agent("gone") as stub:
            with pytest.raises(aio.AioRpcError) as refused:
                await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            assert refused.value.code().name == "UNAVAILABLE"
        with pytest.raises(errors.RefusedError) as again:
            await running.publish(fleet.release(2, "off1", "gone"))
        assert again.value.code == "EQUIVOCATION"
        await running.publish(newest)
        assert (await running.coordinator.fetch("off1", sha256(newest))).envelope == b""


async def test_a_root_put_in_place_by_hand_can_still_be_given_to_hosts(tmp_path: Path) -> None:
    """As with a new timestamp key: the coordinator has the file before hosts can have it."""
    fleet = Fleet()
    fleet.timestamp_key = SecretKey.generate()
    root = two(fleet)
    async with serving(fleet, tmp_path, trust=root) as running:
        await running.publish(fleet.release(1, "off1"))
        done = await offer(running, signed(fleet, root))
        assert (done.version, done.already_in_force) == (2, True)
        assert await versions(running, "off1", 1) == [2]


@pytest.mark.parametrize("name", ["trust-roots.json", "floor.json"])
def test_what_lasts_and_is_damaged_is_no_reason_to_forget(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0" * 50)
    lasting = Lasting(tmp_path)
    read = {"trust-roots.json": lasting.chain, "floor.json": lasting.floor}[name]
    with pytest.raises(errors.MalformedError, match=name) as found:
        read()
    assert "move it away" in found.value.hint


async def test_a_reload_that_read_an_older_one_goes_on_to_what_was_published(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        # Read from the disk by a reload that waits while this one is published.
        read = Lasting(tmp_path).in_force(fleet.root())
        spare = Pair.make("spare")
        newer = two(fleet, operators=(("spare", spare.certificate),))
        await running.coordinator.publish_root(signed(fleet, newer), "desk")
        assert (await running.coordinator.reload(read)).version == 2
        callers = running.coordinator.allowed.callers.values()
        assert {caller.name for caller in callers} == {"spare", "off1"}
