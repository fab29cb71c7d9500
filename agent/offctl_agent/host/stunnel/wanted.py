"""What one stunnel instance should be, and the variants of it that are tried or fallen back to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from offctl.desired.model import TunnelEnd
from offctl.errors import OffctlError
from offctl.tunnelkeys import PreSharedKey
from offctl_agent.host.stunnel import configuration, rendering, sections
from offctl_agent.host.stunnel.configuration import Rendering
from offctl_agent.host.stunnel.directory import TRIAL
from offctl_agent.host.stunnel.rendering import KeyOf, Mark
from offctl_agent.host.stunnel.sections import CLIENT, SERVER, Section


@dataclass(frozen=True, slots=True)
class Wanted:
    """The sections of an instance that sees its files below `directory`, and where keys come from.

    `held` are keys that stay in use as they are in the files, by identity; `troubles` says of ends,
    by identity, why they are not served, or only by the key they had. `aged` are the identities
    whose key would be another one now, because one of the two hosts has a new tunnel key: a key
    never changes under its name, for the two ends cannot change at the same moment.
    """

    instance: str
    directory: str
    sections: tuple[Section, ...]
    key_of: KeyOf = field(repr=False)
    mark: Mark = field(repr=False)
    held: Mapping[str, PreSharedKey] = field(default_factory=dict, repr=False)
    troubles: Mapping[str, str] = field(default_factory=dict)
    aged: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        instance: str,
        directory: str,
        ends: Iterable[TunnelEnd],
        key_of: KeyOf,
        mark: Mark,
        files: Mapping[str, bytes],
    ) -> "Wanted":
        """Raises MalformedError for ends that contradict each other.

        An end whose key cannot be had (a person's file is missing or wrong) keeps the one that is
        in `files`; without any it is left out, and the others go on.
        """
        known = known_keys(files)
        served, held, troubles, aged = [], {}, {}, set()
        for end in ends:
            old = known.get(end.identity)
            try:
                key = key_of(end)
            except OffctlError as error:
                troubles[end.identity] = str(error)
                if old is None:
                    continue
                held[end.identity] = old
            else:
                if old is not None and not end.psk_file and not key.same(old):
                    held[end.identity] = old
                    aged.add(end.identity)
            served.append(end)
        found = sections.sections(served)
        return cls(instance, directory, found, key_of, mark, held, troubles, frozenset(aged))

    @property
    def main(self) -> str:
        """The path of the configuration as stunnel is started with it."""
        return f"{self.directory}/{self.instance}.conf"

    def rendering(self) -> Rendering:
        """All files, keys included. Raises MalformedError, AdminError."""
        return rendering.render(
            self.instance, self.sections, self.directory, self._key_of, self.mark
        )

    def holding(self, section: str, identity: str, key: PreSharedKey) -> "Wanted":
        """The same with one client section left at an older identity and its key."""
        kept = tuple(
            replace(s, ends=(replace(s.ends[0], identity=identity),)) if s.name == section else s
            for s in self.sections
        )
        return replace(self, sections=kept, held={**self.held, identity: key})

    def trial(self, ports: Iterable[int]) -> "Wanted":
        """The same at loopback ports that nobody uses, so that it can run beside the real one."""
        free = iter(ports)
        moved = tuple(replace(s, accept=f"127.0.0.1:{next(free)}") for s in self.sections)
        return replace(self, sections=moved, directory=f"{self.directory}/{TRIAL}")

    def again(self) -> "Wanted":
        """The same in another edition: other names of its key files, and another marker."""
        return replace(self, mark=lambda content: self.mark(b"again\0" + content))

    def cuts(self) -> frozenset[str]:
        """Revoked keys whose connections must not go on; those that were made stay up otherwise."""
        return frozenset(
            f"{end.name} {end.revoked}"
            for section in self.sections
            for end in section.ends
            if end.revoked and section.role == SERVER
        )

    def clients(self) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.role == CLIENT)

    def _key_of(self, end: TunnelEnd) -> PreSharedKey:
        return self.held.get(end.identity) or self.key_of(end)


def known_keys(files: Mapping[str, bytes]) -> dict[str, PreSharedKey]:
    """Every key in key files, by identity; a damaged file is no memory of a key."""
    known: dict[str, PreSharedKey] = {}
    for content in files.values():
        known.update(configuration.readable_keys(content))
    return known
