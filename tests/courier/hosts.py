"""A host's directory for courier tests, and a courier that runs over it."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
import json
from pathlib import Path

from offctl.trust import release as releases
from offctl_agent import config as configs
from offctl_agent.config import Config
from offctl_agent.mailbox import Inbox
from offctl_courier import program
from transport import fleet as fleets
from transport.fleet import Fleet

DEADLINE = 10.0


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
    config.runtime.mkdir(exist_ok=True)
    return config


@contextlib.asynccontextmanager
async def carrying(config: Config) -> AsyncIterator[None]:
    """A courier that runs while the context lasts."""
    with program.prepared(config) as courier:
        task = asyncio.ensure_future(courier.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll until `condition()` is true; fail after the deadline, saying `what` was awaited."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE
    while not condition():
        assert loop.time() < end, what
        await asyncio.sleep(0.01)


def held(config: Config) -> str:
    """The hash of the manifest in the inbox; empty when there is none."""
    content = Inbox(config.inbox).release()
    return fleets.sha256(releases.parse(content)) if content else ""


def note(config: Config) -> dict[str, str]:
    """What the courier says about the network; all empty when it has not said anything."""
    content = Inbox(config.inbox).note()
    found: dict[str, str] = {"contacted": "", "error": "", "address": ""}
    return {**found, **json.loads(content)} if content else found
