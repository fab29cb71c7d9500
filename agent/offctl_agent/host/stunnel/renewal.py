"""Renewing one stunnel instance: try, write, reload, see that it took it; else back to what works.

Every step can be the last one before a crash: what is in force always has its files, and the next
run sees from the outside how far this one came.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import time

from offctl.errors import MalformedError
from offctl_agent.host import failures
from offctl_agent.host.stunnel import configuration, directory, looking
from offctl_agent.host.stunnel import wanted as forms
from offctl_agent.host.stunnel.configuration import Rendering
from offctl_agent.host.stunnel.directory import Directory, Flaw, Owner
from offctl_agent.host.stunnel.processes import Process
from offctl_agent.host.stunnel.seat import Seat
from offctl_agent.host.stunnel.wanted import Wanted

POLL = 0.1
TRIAL_PORTS = range(28_000, 29_000)


@dataclass(frozen=True, slots=True)
class Renewal:
    """One instance in its place; `hold` and `patience` are the door's."""

    doing: str
    place: Directory
    seat: Seat
    hold: float
    patience: float

    def run(self, wanted: Wanted) -> None:
        """Do it. Raises HostError, and then what worked before works still."""
        owner = self.seat.owner()
        process = self.seat.process(wanted.main)
        before = self.place.read(f"{wanted.instance}.conf")
        kept: tuple[str, ...] = ()
        if _contents(self.place.flaws(wanted.rendering(), owner)):
            wanted, kept = self._tried(wanted, owner, process, before)
        rendering = wanted.rendering()
        flaws = self.place.flaws(rendering, owner)
        if _contents(flaws) and looking.in_force(process, wanted, rendering.marker):
            # Somebody changed the file, and perhaps had it read: the marker cannot tell. Another
            # edition of the same first, then this one, and each is seen to have been read.
            self._write(wanted.again(), owner, before)
            before = None
        self._write(wanted, owner, before)
        self.place.prune(rendering)
        if kept:
            raise failures.refusal(
                self.doing,
                failures.PREFLIGHT,
                "; ".join(kept),
                hint="publish the far end first; everything else of this instance is as asked",
            )

    def _write(self, wanted: Wanted, owner: Owner, before: bytes | None) -> None:
        rendering = wanted.rendering()
        flaws = self.place.flaws(rendering, owner)
        if flaws:
            self.place.write(rendering, owner)
        changed_unit = any(flaw.name.endswith(".service") for flaw in _contents(flaws))
        if changed_unit or self.seat.missing(wanted.instance):
            self.seat.arrange(wanted.instance)
        self._in_force(wanted, rendering, owner, before)

    def _in_force(
        self, wanted: Wanted, rendering: Rendering, owner: Owner, before: bytes | None
    ) -> None:
        """Make the process read the files, unless it has; one signal whatever changed."""
        process = self.seat.process(wanted.main)
        if process is None:
            self.seat.start(wanted.instance)
        elif not wanted.cuts() <= self.place.cut():
            # A reload refuses new connections with a revoked key and leaves the old ones up.
            self.seat.restart(wanted.instance)
        elif not looking.in_force(process, wanted, rendering.marker):
            self.seat.reload(wanted.instance)
        if self._taken(wanted, rendering.marker):
            self.place.keep_cut(wanted.cuts())
            return
        cause = f"stunnel did not take the new configuration within {self.patience:g} seconds"
        if before is not None and before != rendering.files[rendering.main]:
            # Whatever it could not read or bind: a start of it would not either.
            self.place.write_main(rendering.main, before, owner)
            if self.seat.process(wanted.main) is None:
                self.seat.start(wanted.instance)
            cause += "; the one before is back"
        raise failures.refusal(
            self.doing, failures.FAILED, cause, hint="its own words are in the journal of its unit"
        )

    def _taken(self, wanted: Wanted, marker: str) -> bool:
        until = time.monotonic() + self.patience
        while not looking.in_force(self.seat.process(wanted.main), wanted, marker):
            if time.monotonic() >= until:
                return False
            time.sleep(POLL)
        return True

    def _tried(
        self, wanted: Wanted, owner: Owner, process: Process | None, before: bytes | None
    ) -> tuple[Wanted, tuple[str, ...]]:
        """What of `wanted` may go live, and why some of its clients stay as they are.

        A client that works now and would not with its new key keeps its old one: the far end has
        not been told yet, or never will be.
        """
        broken = self._trial(wanted, owner)
        if process is None or not broken:
            return wanted, ()
        works = looking.proofs(self.seat, wanted, process, self.hold)
        old = _identities(before)
        known = forms.known_keys(directory.keys_of(self.place))
        kept = []
        for section in wanted.clients():
            identity = old.get(section.name, "")
            if section.name not in broken or works.get(section.accept) != "":
                continue
            if identity in known and identity != section.identities[0]:
                wanted = wanted.holding(section.name, identity, known[identity])
                kept.append(
                    f"the far end of {section.ends[0].name} does not accept "
                    f"{section.identities[0]} yet; it keeps {identity}"
                )
        return wanted, tuple(kept)

    def _trial(self, wanted: Wanted, owner: Owner) -> Mapping[str, str]:
        """Run it beside the real one. Raises HostError when stunnel does not take it at all.

        Gives the client sections through which no connection stays up.
        """
        taken = self.seat.ports()
        trial = wanted.trial(port for port in TRIAL_PORTS if port not in taken)
        rendering = trial.rendering()
        place = self.place.trial()
        if place.names():
            # A trial that nobody ended still has the unit's name.
            self.seat.halt(wanted.instance)
        try:
            place.write(rendering, owner)
            self.seat.launch(wanted.instance, trial.main)
            if not self._taken(trial, rendering.marker):
                cause = "stunnel does not start on the new configuration; the old one stays"
                raise failures.refusal(self.doing, failures.PREFLIGHT, cause)
            accepts = {section.accept: section.name for section in trial.clients()}
            told = self.seat.prove(accepts, self.hold) if accepts else {}
            return {accepts[address]: reason for address, reason in told.items() if reason}
        finally:
            self.seat.halt(wanted.instance)
            place.clear()


def _contents(flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
    """Those that are about what stunnel reads, not about who may read it."""
    return tuple(flaw for flaw in flaws if flaw.content)


def _identities(content: bytes | None) -> dict[str, str]:
    """The identity that each client section of a configuration of ours uses."""
    try:
        found = configuration.parse(content or b"")
    except MalformedError:
        return {}
    return {name: values.get("PSKidentity", "") for name, values in found.items()}
