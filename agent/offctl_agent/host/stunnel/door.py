"""The door to stunnel on one host: what its instances are, and making them what they should be.

Shared by every kind of host: where an instance lives and how its process is reached is a Seat. Keys
are computed here when they are needed and kept nowhere but in the files stunnel reads.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from offctl import files
from offctl.desired.model import DesiredState, TunnelEnd
from offctl.errors import AdminError, HostError, MalformedError, OffctlError
from offctl.observed import FoundStunnel, ObservedInstance, Stray
from offctl.planner import actions as act
from offctl.planner import tunnels
from offctl.tunnelkeys import PreSharedKey, TunnelSecret
from offctl_agent.host import failures
from offctl_agent.host.stunnel import configuration, directory, keeping, looking, rendering, strays
from offctl_agent.host.stunnel.directory import Directory
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.proofs import Answer, Key, Proofs, Question
from offctl_agent.host.stunnel.renewal import Renewal
from offctl_agent.host.stunnel.seat import Seat
from offctl_agent.host.stunnel.sections import CLIENT
from offctl_agent.host.stunnel.wanted import Wanted

# Directories of containers are called by their number; the host's own cannot clash with one.
HOST = "host"
MAX_KEY_FILE = 4096

SeatOf = Callable[[int], Seat]
SecretOf = Callable[[], TunnelSecret]


def no_secret() -> TunnelSecret:
    """The SecretOf of a host without a tunnel key."""
    raise AdminError("cannot compute a tunnel's key: this host has none")


@dataclass(frozen=True, slots=True)
class Tunnels:
    """stunnel on the host whose directories of files lie below `root`.

    `secret` reads the host's tunnel key when it is needed; `files_below` is where paths that the
    text names begin (the root directory of a real host); `hold` is how long a connection has to
    stay up to count as proof, and `patience` how long stunnel may take to come up or reload;
    `proofs` remembers what was proven.
    """

    root: Path
    secret: SecretOf
    seat_of: SeatOf
    files_below: Path = Path("/")
    hold: float = configuration.HOLD
    patience: float = 5.0
    proofs: Proofs = field(default_factory=Proofs)

    def observe(
        self, desired: DesiredState, running: Callable[[int], str]
    ) -> tuple[ObservedInstance, ...]:
        """Every instance the text asks for; `running` says why a container cannot be looked into.

        Changes nothing and never raises: what cannot be read is unknown.
        """
        looked = [
            self._looked(desired.site, *key, ends, running)
            for key, ends in tunnels.grouped(desired.tunnels).items()
        ]
        questions = [each.question for each in looked if each.question is not None]
        answers = self.proofs.answers(questions, self.hold)
        return tuple(each.answered(answers, self.proofs.age) for each in looked)

    def _looked(
        self,
        site: str,
        container: int,
        instance: str,
        ends: tuple[TunnelEnd, ...],
        running: Callable[[int], str],
    ) -> "_Looked":
        exists = self.place(container, instance).exists
        there = ObservedInstance(container, instance, exists, kept=ends[0].kept)
        blind = looking.blind(there, ends)
        if reason := running(container) if container else "":
            return _Looked(replace(blind, obstacle=reason), ends)
        try:
            seen, question = self._observe(site, there, ends)
        except MalformedError as error:
            return _Looked(replace(blind, obstacle=str(error)), ends)
        except OffctlError as error:
            if error.code == failures.CONFLICT:
                return _Looked(replace(blind, obstacle=str(error)), ends)
            return _Looked(replace(blind, unknown=str(error)), ends)
        return _Looked(seen, ends, question)

    def _observe(
        self, site: str, there: ObservedInstance, ends: tuple[TunnelEnd, ...]
    ) -> tuple[ObservedInstance, Question | None]:
        place, seat = self.place(there.container, there.instance), self.seat_of(there.container)
        if refusal := looking.refusal(ends, seat.addresses()):
            return replace(looking.blind(there, ends), refusal=refusal), None
        if ends[0].kept:
            return keeping.look(there, ends, seat)
        wanted = self._wanted(site, seat, place, there.instance, ends)
        return looking.look(there, ends, place, seat, wanted)

    def strays(
        self, desired: DesiredState, found: Iterable[Process], networks: Mapping[int, int]
    ) -> tuple[Stray, ...]:
        """The stunnels among `found` that are not ours.

        `networks` says of each network namespace that is known which container (0: the host) it is.
        """
        ours = set()
        numbers = {number: network for network, number in networks.items()}
        for (container, instance), ends in tunnels.grouped(desired.tunnels).items():
            if container in numbers:
                below = f"{self.seat_of(container).directory}/{instance}"
                mains = (
                    [keeping.DIRECTORY] if ends[0].kept else [below, f"{below}/{directory.TRIAL}"]
                )
                ours |= {(numbers[container], f"{main}/{instance}.conf") for main in mains}
        spoken = {named(number) for number in (0, *(c.id for c in desired.containers))}

        def place_of(network: int) -> str:
            return named(networks[network]) if network in networks else "a namespace of its own"

        return strays.strays(found, ours, place_of, spoken)

    def found(
        self, processes: Iterable[Process], networks: Mapping[int, int]
    ) -> tuple[FoundStunnel, ...]:
        """Each of `processes` with what its configuration says; `networks` as for `strays`."""
        told = []
        for process in processes:
            number = networks.get(process.network, -1)
            try:
                sections = (
                    ()
                    if number < 0
                    else keeping.sections_of(self.seat_of(number), process.configuration)
                )
                told.append(FoundStunnel(number, process.configuration, sections))
            except OffctlError as error:
                told.append(FoundStunnel(number, process.configuration, unread=str(error)))
        return tuple(told)

    def make_directory(self, action: act.MakeTunnelDirectory) -> None:
        """Make the directory, empty. Raises HostError."""
        with _as_host_error():
            self.place(action.container, action.instance).make()

    def renew(self, action: act.RenewTunnels) -> None:
        """Bring an instance to what it should be, or leave it as it works. Raises HostError."""
        doing = f"renew stunnel {action.instance} of {named(action.container)}"
        with _as_host_error():
            seat = self.seat_of(action.container)
            place = self.place(action.container, action.instance)
            if refusal := looking.refusal(action.ends, seat.addresses()):
                raise failures.refusal(doing, failures.PREFLIGHT, refusal)
            wanted = self._wanted(action.site, seat, place, action.instance, action.ends)
            Renewal(doing, place, seat, self.hold, self.patience).run(wanted)

    def _wanted(
        self,
        site: str,
        seat: Seat,
        place: Directory,
        instance: str,
        ends: Iterable[TunnelEnd],
    ) -> Wanted:
        secret = self.secret()

        def key_of(end: TunnelEnd) -> PreSharedKey:
            return rendering.key_of(end, site, secret, self._key_file)

        there, known = f"{seat.directory}/{instance}", directory.keys_of(place)
        return Wanted.of(instance, there, ends, key_of, secret.mark, known)

    def place(self, container: int, instance: str) -> Directory:
        """The directory of an instance."""
        return Directory(self.root / (str(container) if container else HOST) / instance)

    def _key_file(self, path: str) -> bytes:
        real = self.files_below / path.lstrip("/")
        content = files.require(real, limit=MAX_KEY_FILE)
        if real.stat().st_mode & 0o077:
            raise AdminError(
                f"cannot use {path}: others than its owner can read it",
                hint=f"chmod 600 {path}, and think about who has read the key already",
            )
        return content


@dataclass(frozen=True, slots=True)
class _Looked:
    """One instance as it was seen, and what is still to be tried of it."""

    seen: ObservedInstance
    ends: tuple[TunnelEnd, ...]
    question: Question | None = None

    def answered(
        self, answers: Mapping[Key, Answer], age: Callable[[Key], int]
    ) -> ObservedInstance:
        if self.question is None:
            return self.seen
        answer = answers[self.question.key]
        if isinstance(answer, OffctlError):
            return replace(looking.blind(self.seen, self.ends), unknown=str(answer))
        ago = age(self.question.key)
        proven = tuple(
            replace(seen, proof=answer.get(end.accept), proof_age=ago)
            if end.role == CLIENT
            else seen
            for seen, end in zip(self.seen.ends, self.ends, strict=True)
        )
        return replace(self.seen, ends=proven)


def named(container: int) -> str:
    """Where an instance lives, in words."""
    return f"container {container}" if container else "the host itself"


@contextlib.contextmanager
def _as_host_error() -> Iterator[None]:
    try:
        yield
    except HostError:
        raise
    except OffctlError as error:
        raise HostError(str(error), hint=error.hint, code=failures.PREFLIGHT) from error
