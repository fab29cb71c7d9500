"""The courier against real coordinators, through real inbox and outbox directories."""

import asyncio
from pathlib import Path
import signal
import socket

import pytest

from courier.hosts import DEADLINE, carrying, configure, held, note, until
from offctl import certificates, errors, observation
from offctl.trust import release as releases
from offctl_agent import config as configs
from offctl_agent import mailbox
from offctl_agent.mailbox import Doorbell, Inbox, Outbox
from offctl_courier import program
from offctl_courier.delivered import Delivered
from transport import processes
from transport.fleet import Fleet, Pair, Running, serving, sha256


def free_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def sequence(running: Running, host: str) -> int:
    """The sequence of the newest report the coordinator has."""
    standing = running.coordinator.roster().standings.get(host)
    return standing.report.sequence if standing else 0


async def test_a_release_arrives_with_its_timestamp_and_the_agent_is_woken(
    tmp_path: Path,
) -> None:
    fleet = Fleet()
    release = fleet.release(1, "off1", "off2")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        bell = Doorbell(mailbox.agent_bell(config.runtime))
        rung = asyncio.Event()
        asyncio.get_running_loop().add_reader(bell.fileno(), rung.set)
        async with carrying(config):
            await asyncio.wait_for(rung.wait(), DEADLINE)
            dropped = releases.parse(Inbox(config.inbox).release() or b"")
            assert dropped.bundles == (("off1", release.bundle("off1")),)
            assert Inbox(config.inbox).timestamp()
            await until(lambda: note(config)["contacted"], "a contact is noted")
            assert note(config)["error"] == ""
            assert note(config)["address"] == running.address
        asyncio.get_running_loop().remove_reader(bell.fileno())
        bell.close()


async def test_a_publish_arrives_through_the_stream(tmp_path: Path) -> None:
    fleet = Fleet()
    newer = fleet.release(2, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        path = tmp_path / "off1" / "agent.toml"
        # So rarely that polling cannot be what brings it.
        path.write_text(path.read_text().replace("interval = 1", "interval = 600"))
        async with carrying(configs.load(path)):
            await until(lambda: note(config)["contacted"], "a contact is noted")
            await running.publish(newer)
            await until(lambda: held(config) == sha256(newer), "the newer release")


async def test_a_release_is_found_by_polling_when_the_inbox_lost_it(tmp_path: Path) -> None:
    fleet = Fleet()
    release = fleet.release(1, "off1")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        async with carrying(config):
            await until(lambda: held(config), "the release")
            (config.inbox / "release.json").unlink()
            await until(lambda: held(config) == sha256(release), "the release again")


async def test_reports_go_in_order_when_the_agent_rings(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        outbox = Outbox(config.outbox)
        for number in (1, 2, 3):
            outbox.put(number, fleet.report("off1", sequence=number))
        async with carrying(config):
            await until(lambda: sequence(running, "off1") == 3, "what waited")
            outbox.put(4, fleet.report("off1", sequence=4))
            mailbox.ring(mailbox.courier_bell(config.runtime))
            await until(lambda: sequence(running, "off1") == 4, "what was rung for")
        # A restart sends nothing twice; the coordinator would not mind, but need not be asked.
        outbox.put(5, fleet.report("off1", sequence=5))
        async with carrying(config):
            await until(lambda: sequence(running, "off1") == 5, "what came while it was down")


async def test_what_was_observed_goes_with_the_report_that_names_it(tmp_path: Path) -> None:
    fleet, seen = Fleet(), b"what off1 saw"
    named = observation.digest(seen)
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        outbox = Outbox(config.outbox)
        # What an older report names is gone, and no reason to leave that report out.
        outbox.put(1, fleet.report("off1", sequence=1, observation="0" * 64))
        outbox.put_observation(seen)
        outbox.put(2, fleet.report("off1", sequence=2, observation=named))
        async with carrying(config):
            delivered = config.courier_state / "delivered.json"
            await until(lambda: Delivered(delivered).number == 2, "both reports")
            assert (await running.coordinator.observations.get("off1")).content == seen


async def test_a_refused_report_does_not_keep_back_the_next(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        outbox = Outbox(config.outbox)
        outbox.put(1, b"not a report")
        outbox.put(2, fleet.report("off1", sequence=2))
        async with carrying(config):
            await until(lambda: sequence(running, "off1") == 2, "the report behind it")


async def test_reports_go_on_after_the_agents_numbers_started_over(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        outbox = Outbox(config.outbox)
        async with carrying(config):
            outbox.put(40, fleet.report("off1", sequence=40))
            mailbox.ring(mailbox.courier_bell(config.runtime))
            await until(lambda: sequence(running, "off1") == 40, "the first")
            (config.outbox / "40.json").unlink()
            outbox.put(1, fleet.report("off1", sequence=1, stream="b" * 16))
            mailbox.ring(mailbox.courier_bell(config.runtime))
            await until(lambda: sequence(running, "off1") == 1, "the one after the wipe")


async def test_it_waits_for_a_coordinator_that_is_down(tmp_path: Path) -> None:
    fleet = Fleet()
    address = free_address()
    config = configure(tmp_path / "off1", fleet, "off1", address)
    Outbox(config.outbox).put(1, fleet.report("off1"))
    async with carrying(config):
        await until(lambda: note(config)["error"], "an error is noted")
        assert f"cannot reach coordinator {address}" in note(config)["error"]
        assert note(config)["contacted"] == ""
        async with serving(fleet, tmp_path, listen=address) as running:
            await running.publish(fleet.release(1, "off1"))
            await until(lambda: sequence(running, "off1") == 1, "the report that waited")
            await until(lambda: held(config), "the release")
            await until(lambda: note(config)["contacted"], "a contact is noted")
            contacted = note(config)["contacted"]
            assert note(config)["error"] == ""
        await until(lambda: note(config)["error"], "an error is noted")
        assert note(config)["contacted"] >= contacted
        async with serving(fleet, tmp_path, listen=address) as running:
            newer = fleet.release(2, "off1")
            await running.publish(newer)
            await until(lambda: held(config) == sha256(newer), "the newer release")


async def test_the_next_address_is_tried(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(
            tmp_path / "off1", fleet, "off1", free_address(), free_address(), running.address
        )
        async with carrying(config):
            await until(lambda: held(config), "the release")
            await until(lambda: note(config)["address"] == running.address, "the third address")


async def test_a_server_that_is_not_pinned_gets_and_gives_nothing(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        fleet.server = Pair.make("one", dns_name=certificates.SERVER_NAME)
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        Outbox(config.outbox).put(1, fleet.report("off1"))
        async with carrying(config):
            await until(lambda: note(config)["error"], "an error is noted")
        assert held(config) == ""
        assert sequence(running, "off1") == 0


async def test_a_host_that_is_not_in_the_release_keeps_trying(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off2", fleet, "off2", running.address)
        async with carrying(config):
            await until(lambda: note(config)["error"], "an error is noted")
            await running.publish(fleet.release(2, "off1", "off2"))
            await until(lambda: held(config), "the release")


async def test_a_full_inbox_does_not_keep_reports_back(tmp_path: Path) -> None:
    """The disk is full, or the slot taken by something that cannot be replaced."""
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        slot = config.inbox / "release.json"
        slot.mkdir(parents=True)
        Outbox(config.outbox).put(1, fleet.report("off1"))
        async with carrying(config):
            await until(lambda: sequence(running, "off1") == 1, "the report")
            await until(lambda: "cannot write" in note(config)["error"], "the cause is noted")
            slot.rmdir()
            await until(lambda: held(config), "the release")


async def test_a_second_courier_says_so(tmp_path: Path) -> None:
    config = configure(tmp_path / "off1", Fleet(), "off1", free_address())
    with (
        program.prepared(config),
        pytest.raises(errors.AdminError, match="another courier is running already"),
        program.prepared(config),
    ):
        pass


SPOILT = {
    "no coordinators": ("agent.toml", 'host = "off1"\n', "`coordinators` in agent.toml is empty"),
    "unknown setting": ("agent.toml", 'hots = "off1"\n', "cannot read .*agent.toml"),
    "no certificate": ("host.cert.pem", None, "host.cert.pem: no such file"),
    "no key": ("host.key.pem", None, "host.key.pem: no such file"),
    "no trust root": ("trust.toml", None, "trust.toml: no such file"),
    "broken trust root": ("trust.toml", "x", "cannot read the trust root"),
    "broken certificate": ("host.cert.pem", "x", "cannot use certificate"),
}


@pytest.mark.parametrize("case", SPOILT)
async def test_a_wrong_set_up_is_said_clearly(tmp_path: Path, case: str) -> None:
    name, text, cause = SPOILT[case]
    directory = tmp_path / "off1"
    configure(directory, Fleet(), "off1", free_address())
    path = directory / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with (
        pytest.raises(errors.OffctlError, match=cause),
        program.prepared(configs.load(directory / "agent.toml")),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_program_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    config = configure(tmp_path / "off1", Fleet(), "off1", free_address())
    program_arguments = ("run", "--config", f"{tmp_path}/off1/agent.toml")
    with processes.started("offctl_courier", *program_arguments) as process:
        await until(lambda: note(config)["error"], "it runs")
        process.send_signal(number)
        assert process.wait(5) == 0
