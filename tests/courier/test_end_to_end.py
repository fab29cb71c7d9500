"""The courier against a real coordinator, through real inbox and outbox directories."""

import asyncio
import contextlib
import json
from pathlib import Path

from offctl.trust import release as releases
from offctl_agent import config as configs
from offctl_agent import mailbox
from offctl_agent.config import Config
from offctl_agent.mailbox import Doorbell, Inbox
from offctl_courier import program
from transport import fleet as fleets
from transport.fleet import Fleet

DEADLINE = 10


def configure(directory: Path, fleet: Fleet, host: str, *addresses: str) -> Config:
    """A host's directory, as `offctl-agent init` and an operator would leave it."""
    directory.mkdir(exist_ok=True)
    pair = fleet.host(host)
    (directory / "host.cert.pem").write_text(pair.certificate)
    (directory / "host.key.pem").write_bytes(pair.key)
    fleets.write_trust(directory / "trust.toml", fleet.root())
    listed = ", ".join(f'"{address}"' for address in addresses)
    (directory / "agent.toml").write_text(
        f'host = "{host}"\ninterval = 1\nstate = "state"\nruntime = "run"\n'
        f"coordinators = [{listed}]\n"
    )
    config = configs.load(directory / "agent.toml")
    config.outbox.mkdir(parents=True, exist_ok=True)
    return config


@contextlib.asynccontextmanager
async def carrying(config: Config):
    with program.prepared(config) as courier:
        task = asyncio.ensure_future(courier.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(condition, what: str) -> None:
    """Poll until `condition()` is true; fail after the deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE
    while not condition():
        assert loop.time() < end, what
        await asyncio.sleep(0.01)


def held_serial(config: Config) -> str:
    content = Inbox(config.inbox).release()
    return fleets.sha256(releases.parse(content)) if content else ""


def note(config: Config) -> dict:
    content = Inbox(config.inbox).note()
    return json.loads(content) if content else {}


async def test_a_release_arrives_with_its_timestamp_and_the_agent_is_woken(tmp_path):
    fleet = Fleet()
    async with fleets.serving(fleet, tmp_path) as running:
        first = fleet.release(1, "off1", "off2")
        await running.publish(first)
        config = configure(tmp_path / "off1", fleet, "off1", running.address)
        config.runtime.mkdir()
        bell = Doorbell(mailbox.agent_bell(config.runtime))
        rung = asyncio.Event()
        asyncio.get_running_loop().add_reader(bell.fileno(), rung.set)
        async with carrying(config):
            await asyncio.wait_for(rung.wait(), DEADLINE)
            dropped = releases.parse(Inbox(config.inbox).release())
            assert dropped.bundles == (("off1", first.bundle("off1")),)
            assert Inbox(config.inbox).timestamp()
            await until(lambda: note(config).get("contacted"), "no contact noted")
            assert note(config)["error"] == ""
            assert note(config)["address"] == running.address
        asyncio.get_running_loop().remove_reader(bell.fileno())
        bell.close()
