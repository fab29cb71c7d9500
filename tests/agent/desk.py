"""One agent's trust root, inbox and memory, and a second place for its floor."""

from datetime import timedelta
from pathlib import Path

from offctl import errors
from offctl.trust import root as roots
from offctl.trust import rotation
from offctl.trust.keys import SecretKey
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step
from offctl_agent import config as configs
from offctl_agent import intake
from offctl_agent.intake import Intake
from offctl_agent.mailbox import Inbox
from offctl_agent.state import State
from transport.fleet import Fleet, now


class Places:
    """A FloorStore in memory that can be emptied, or fail as a pool does that is not there."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.broken = ""

    def read(self) -> tuple[str, ...]:
        if self.broken:
            raise errors.HostError(self.broken)
        return tuple(self.texts.values())

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        if self.broken:
            raise errors.HostError(self.broken)
        self.texts.update(dict.fromkeys(pools, text))


class Desk:
    """What a test moves about; every `take` starts from the disk alone."""

    def __init__(self, directory: Path) -> None:
        self.fleet = Fleet()
        self.now = now()
        self.places = Places()
        path = directory / "agent.toml"
        path.write_text('host = "off2"\ncoordinators = ["localhost:1"]\nstate = "."\n')
        self.config = configs.load(path)
        self.inbox = Inbox(self.config.inbox)
        self.config.inbox.mkdir()
        self.trust()
        self.state().begin()

    def state(self) -> State:
        return State(self.config.agent_state)

    def trust(self, **changes: object) -> None:
        self.config.trust.write_bytes(roots.dump(self.fleet.root(**changes)))

    def offer(self, release: SignedRelease) -> None:
        self.inbox.put_release(release.dump())

    def offer_roots(self, *chain: tuple[TrustRoot, tuple[SecretKey, ...]]) -> None:
        steps = [Step(root.version, rotation.sign(root, keys)) for root, keys in chain]
        self.inbox.put_trust(rotation.dump_chain(steps))

    def take(self, *, after: timedelta = timedelta(), keep: bool = True) -> Intake:
        return intake.take(
            self.config,
            self.state(),
            self.inbox,
            now=self.now + after,
            keep=keep,
            store=self.places,
        )

    def serial(self, taken: Intake) -> int:
        return 0 if taken.held is None else taken.held.accepted.manifest.serial
