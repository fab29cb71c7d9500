"""What may be published: every refusal with its code over the wire, and what acceptance changes."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import sqlite3

import grpc
from grpc import aio
import pytest

from offctl import errors
from offctl.api.v1 import operator_pb2, operator_pb2_grpc
from offctl.desired import bundle
from offctl.desired.model import Identity
from offctl.trust import accept
from offctl.trust import timestamp as timestamps
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import Manifest
from offctl.trust.release import MAX_ENVELOPE, SignedRelease
from transport import fleet as fleets
from transport.fleet import UNPACED, Fleet, Running, now, serving, sha256

Part = operator_pb2.PublishRequest
SECONDS = 20.0


def parts(release: SignedRelease) -> Iterator[Part]:
    yield Part(envelope=release.envelope)
    for host, content in release.bundles:
        yield Part(bundle=operator_pb2.Bundle(host=host, content=content))


async def publish(running: Running, offered: Iterator[Part]) -> operator_pb2.PublishResponse:
    async with running.channel(running.fleet.operator) as channel:
        stub = operator_pb2_grpc.OperatorServiceStub(channel)
        response: operator_pb2.PublishResponse = await stub.Publish(offered, timeout=SECONDS)
        return response


async def refusal(running: Running, offered: Iterator[Part]) -> tuple[str, str]:
    """The status and the code in front of its text."""
    with pytest.raises(aio.AioRpcError) as refused:
        await publish(running, offered)
    return refused.value.code().name, (refused.value.details() or "").partition(":")[0]


def forged(fleet: Fleet) -> SignedRelease:
    return replace(fleet, release_key=SecretKey.generate()).release(2, "off1")


def by_the_online_key(fleet: Fleet) -> SignedRelease:
    """The only key that a stolen coordinator has."""
    return replace(fleet, release_key=fleet.timestamp_key).release(2, "off1")


def other_content(fleet: Fleet) -> SignedRelease:
    good = fleet.release(2, "off1")
    return replace(good, bundles=(("off1", good.bundles[0][1] + b"# more\n"),))


def swapped(fleet: Fleet) -> SignedRelease:
    good = fleet.release(2, "off1", "off2")
    (first, one), (second, two) = good.bundles
    return replace(good, bundles=((first, two), (second, one)))


def signed_over_the_wrong_host(fleet: Fleet) -> SignedRelease:
    """A slip while signing: the hash is right, the content is for another host."""
    state = fleet.state("off2")
    content = bundle.dump(state)
    document = Manifest(
        site=fleets.SITE,
        serial=2,
        created=now(),
        expires=now() + timedelta(days=1),
        hosts=(replace(fleets.entry(state, content), host="off1"),),
    )
    return fleet.signed(document, (("off1", content),))


def operators_certificate(fleet: Fleet) -> SignedRelease:
    """A host that would be let in as the operator."""
    state = fleet.state("off1")
    return fleet.release_of(
        2, replace(state, identity=Identity(fleet.operator.certificate, fleet.tunnel_key))
    )


REFUSED: dict[str, tuple[Callable[[Fleet], SignedRelease], str]] = {
    "forged": (forged, "SIG_INVALID"),
    "by the online key": (by_the_online_key, "SIG_INVALID"),
    "older": (lambda fleet: fleet.release(4, "off1"), "ROLLBACK"),
    "same serial, other content": (lambda fleet: fleet.release(5, "off1", "off2"), "EQUIVOCATION"),
    "expired": (
        lambda fleet: fleet.release(
            6, "off1", created=now() - timedelta(2), expires=now() - timedelta(1)
        ),
        "EXPIRED",
    ),
    "from the future": (
        lambda fleet: fleet.release(6, "off1", created=now() + timedelta(hours=1)),
        "CLOCK",
    ),
    "of another site": (lambda fleet: fleet.release(6, "off1", site="staging"), "WRONG_SITE"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_not_newer_and_ours_is_refused(tmp_path: Path, case: str) -> None:
    make, code = REFUSED[case]
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(5, "off1"))
        offered = make(fleet)
        assert await refusal(running, parts(offered)) == ("FAILED_PRECONDITION", code)
        assert [entry.serial for entry in await running.coordinator.history(9)] == [5]


FIRST: dict[str, tuple[Callable[[Fleet], SignedRelease], str]] = {
    "bundle with other content": (other_content, "MISMATCH"),
    "bundles swapped": (swapped, "MISMATCH"),
    "bundle missing": (
        lambda fleet: replace(fleet.release(2, "off1", "off2"), bundles=()),
        "MISMATCH",
    ),
    "bundle of an unnamed host": (
        lambda fleet: replace(
            fleet.release(2, "off1"), bundles=fleet.release(2, "off1", "ovh1").bundles
        ),
        "WRONG_HOST",
    ),
    "bundle that is for another host": (signed_over_the_wrong_host, "WRONG_HOST"),
    "the operator's certificate for a host": (operators_certificate, "MISMATCH"),
    "not an envelope": (lambda fleet: SignedRelease(b"{}", ()), "MALFORMED"),
    "truncated": (
        lambda fleet: replace(
            fleet.release(2, "off1"), envelope=fleet.release(2, "off1").envelope[:-9]
        ),
        "MALFORMED",
    ),
}


@pytest.mark.parametrize("case", FIRST)
async def test_a_release_that_is_not_whole_is_refused(tmp_path: Path, case: str) -> None:
    make, code = FIRST[case]
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        assert await refusal(running, parts(make(fleet))) == ("FAILED_PRECONDITION", code)
        assert await running.coordinator.history(9) == ()


OUT_OF_ORDER: dict[str, Callable[[SignedRelease], list[Part]]] = {
    "nothing": lambda release: [],
    "an empty part": lambda release: [Part()],
    "an empty envelope": lambda release: [Part(envelope=b"")],
    "bundle first": lambda release: list(parts(release))[::-1],
    "two envelopes": lambda release: [*parts(release), Part(envelope=release.envelope)],
    "a bundle twice": lambda release: [*parts(release), *list(parts(release))[1:]],
}


@pytest.mark.parametrize("case", OUT_OF_ORDER)
async def test_parts_out_of_order_are_invalid(tmp_path: Path, case: str) -> None:
    fleet = Fleet()
    offered = OUT_OF_ORDER[case](fleet.release(1, "off1"))
    async with serving(fleet, tmp_path) as running:
        assert (await refusal(running, iter(offered)))[0] == "INVALID_ARGUMENT"


async def test_an_envelope_that_is_too_large_is_refused(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path, pace=UNPACED) as running:
        offered = iter([Part(envelope=b" " * (MAX_ENVELOPE + 1))])
        assert await refusal(running, offered) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")


async def test_a_message_that_is_too_large_is_refused(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path, pace=UNPACED) as running:
        offered = iter([Part(envelope=b" " * (9 * 1024 * 1024))])
        assert (await refusal(running, offered))[0] == "RESOURCE_EXHAUSTED"


async def test_a_release_that_is_too_large_is_refused_before_it_is_all_there(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    sent = 0

    def endless() -> Iterator[Part]:
        nonlocal sent
        yield Part(envelope=fleet.release(1, "off1").envelope)
        for number in range(400):
            sent += 1
            content = b"#" * (4 * 1024 * 1024)
            yield Part(bundle=operator_pb2.Bundle(host=f"h{number}", content=content))

    async with serving(fleet, tmp_path, pace=UNPACED) as running:
        assert await refusal(running, endless()) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")
    assert sent < 400


async def test_publishing_the_current_release_again_is_harmless(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1", "off2")
    async with serving(fleet, tmp_path) as running:
        first = await publish(running, parts(release))
        again = await publish(running, parts(release))
        assert (first.serial, first.hosts, first.already_current) == (7, 2, False)
        assert (again.serial, again.hosts, again.already_current) == (7, 2, True)
        assert len(await running.coordinator.history(9)) == 1


async def test_of_two_at_once_one_wins(tmp_path: Path) -> None:
    fleet = Fleet()
    offers = [fleet.release(8, "off1"), fleet.release(8, "off1", "off2")]
    async with serving(fleet, tmp_path) as running:
        found = await asyncio.gather(
            *(publish(running, parts(offer)) for offer in offers), return_exceptions=True
        )
        lost = [each for each in found if isinstance(each, aio.AioRpcError)]
        assert len(lost) == 1
        assert lost[0].code() is grpc.StatusCode.FAILED_PRECONDITION
        assert (lost[0].details() or "").startswith("EQUIVOCATION: ")
        assert len(await running.coordinator.history(9)) == 1


async def test_a_restart_keeps_release_and_floor(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
    async with serving(fleet, tmp_path) as running:
        fetched = await running.coordinator.fetch("off1", "")
        assert fetched.envelope == release.envelope
        assert fetched.bundle == release.bundle("off1")
        older = parts(fleet.release(6, "off1"))
        assert await refusal(running, older) == ("FAILED_PRECONDITION", "ROLLBACK")


async def test_a_release_that_expired_meanwhile_is_still_served(tmp_path: Path) -> None:
    """Hosts must learn that it is the newest; they themselves then only observe."""
    fleet = Fleet()
    release = fleet.release(7, "off1", expires=now() + timedelta(days=1))
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
    later: Callable[[], datetime] = lambda: now() + timedelta(days=2)  # noqa: E731
    async with serving(fleet, tmp_path, clock=later) as running:
        assert (await running.coordinator.fetch("off1", sha256(release))).timestamp


async def test_a_release_that_the_disk_changed_is_not_served_until_it_is_published_again(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    release = fleet.release(7, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
    connection = sqlite3.connect(tmp_path / "coordinator.db")
    connection.execute("UPDATE bundles SET content = x'00'")
    connection.commit()
    connection.close()
    async with serving(fleet, tmp_path) as running:
        with pytest.raises(errors.NotFoundError):
            await running.coordinator.fetch("off1", "")
        await publish(running, parts(release))
        assert (await running.coordinator.fetch("off1", "")).bundle == release.bundle("off1")
    async with serving(fleet, tmp_path) as running:
        assert (await running.coordinator.fetch("off1", "")).bundle == release.bundle("off1")


async def test_before_the_first_release_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    async with serving(Fleet(), tmp_path) as running:
        with pytest.raises(errors.NotFoundError, match="nothing has been published"):
            await running.coordinator.fetch("off1", "")


async def test_a_reloaded_trust_root_judges_the_current_release_again(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        newer = replace(fleet, release_key=SecretKey.generate())
        await running.coordinator.reload(newer.root())
        with pytest.raises(errors.NotFoundError):
            await running.coordinator.fetch("off1", "")
        assert len(running.coordinator.allowed.callers) == 1
        await running.coordinator.reload(fleet.root())
        assert (await running.coordinator.fetch("off1", "")).envelope
        assert len(running.coordinator.allowed.callers) == 2


async def test_a_trust_root_of_another_site_is_not_reloaded(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
        with pytest.raises(errors.RefusedError, match="it is for site 'staging'"):
            await running.coordinator.reload(fleet.root(site="staging"))
        assert (await running.coordinator.fetch("off1", "")).envelope


async def test_a_timestamp_is_signed_again_before_it_is_old_and_for_each_release(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    clock = [now()]
    async with serving(fleet, tmp_path, clock=lambda: clock[0]) as running:

        async def stamp() -> timestamps.Timestamp:
            got = await running.coordinator.fetch("off1", "")
            return accept.timestamp(got.timestamp, fleet.root(), now=clock[0])

        await running.publish(fleet.release(7, "off1"))
        first = await stamp()
        clock[0] += timedelta(minutes=4)
        assert await stamp() == first
        clock[0] += timedelta(minutes=2)
        assert (await stamp()).created == clock[0]
        clock[0] -= timedelta(hours=1)
        assert (await stamp()).created == clock[0]
        await running.publish(fleet.release(8, "off1", created=clock[0]))
        assert (await stamp()).serial == 8


async def test_what_the_trust_root_no_longer_accepts_is_not_served_after_a_restart(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1"))
    newer = replace(fleet, release_key=SecretKey.generate())
    async with serving(newer, tmp_path) as running:
        callers = running.coordinator.allowed.callers.values()
        assert {caller.name for caller in callers} == {"desk"}
        # The floor stays, so the new keys cannot be used to go back.
        older = parts(newer.release(6, "off1"))
        assert await refusal(running, older) == ("FAILED_PRECONDITION", "ROLLBACK")
        assert (await publish(running, parts(newer.release(8, "off1")))).serial == 8
