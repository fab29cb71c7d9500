"""Looking at a stunnel that people made and that is kept: its file, its sockets, its key files.

Nothing here writes, and no key is read: only the form and the permissions of the files.
"""

from collections.abc import Iterable
from dataclasses import replace
import posixpath

from offctl.desired.model import TunnelEnd
from offctl.observed import ObservedInstance, ObservedTunnel
from offctl_agent.host.stunnel import configuration, looking, sections, sockets
from offctl_agent.host.stunnel.proofs import Question
from offctl_agent.host.stunnel.seat import Seat
from offctl_agent.host.stunnel.sections import CLIENT, Section

DIRECTORY = "/etc/stunnel"

Settings = dict[str, str]


def main_of(instance: str) -> str:
    """The configuration that Debian's unit starts an instance with."""
    return f"{DIRECTORY}/{instance}.conf"


def sections_of(seat: Seat, path: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """What the sections of a configuration ask for; of what could be a key only that it is there.

    Only people's own, which Debian's unit starts. Raises HostError, MalformedError, AdminError.
    """
    if posixpath.dirname(path) != DIRECTORY:
        return ()
    found = configuration.parse(seat.read(path))
    head = found.pop("")
    told = []
    for name, settings in found.items():
        every = {**head, **settings}
        kept = [(word, every[word]) for word in ("client", "accept", "connect") if word in every]
        kept += [("PSKsecrets", "yes")] if every.get("PSKsecrets") else []
        told.append((name, tuple(kept)))
    return tuple(told)


def look(
    there: ObservedInstance, ends: tuple[TunnelEnd, ...], seat: Seat
) -> tuple[ObservedInstance, Question | None]:
    """One instance as people made it, and what has to be tried to know whether it works.

    Raises HostError, MalformedError, AdminError.
    """
    main = main_of(there.instance)
    found = configuration.parse(seat.read(main))
    process = seat.process(main)
    listening = () if process is None else process.listening
    wanted = sections.sections(_one_identity_each(ends))
    surplus = looking.surplus(listening, wanted)
    seen = replace(
        there,
        directory=True,
        kept=True,
        different=tuple(_complaints(found, wanted, seat)),
        running=process is not None,
        loaded=process is not None and not surplus and _all_listen(wanted, listening),
        surplus=surplus,
        ends=tuple(
            ObservedTunnel(
                end.name,
                end.role,
                end.generation,
                listening=any(sockets.satisfies(socket, end.accept) for socket in listening),
            )
            for end in ends
        ),
    )
    return seen, looking.question(seen, seat, process, looking.clients(wanted, listening))


def _one_identity_each(ends: Iterable[TunnelEnd]) -> tuple[TunnelEnd, ...]:
    """People may use one identity for several clients; that is theirs to mend."""
    return tuple(replace(end, identity=f"{number}") for number, end in enumerate(ends))


def _all_listen(wanted: Iterable[Section], listening: tuple[str, ...]) -> bool:
    return all(
        any(sockets.satisfies(socket, section.accept) for socket in listening) for section in wanted
    )


def _complaints(found: dict[str, Settings], wanted: Iterable[Section], seat: Seat) -> Iterable[str]:
    """What the file says otherwise than the text, and what is wrong with its key files."""
    head = found[""]
    for section in wanted:
        settings = {**head, **found.get(section.name, {})}
        if section.name not in found:
            yield f"[{section.name}] is not there"
            continue
        client = settings.get("client", "no") == "yes"
        if client is not (section.role == CLIENT):
            yield f"[{section.name}] has client = {settings.get('client', 'no')}"
        if settings.get("accept") != section.accept:
            yield f"[{section.name}] accepts at {settings.get('accept', 'nothing')}"
        if settings.get("connect") != section.connect:
            yield f"[{section.name}] connects to {settings.get('connect', 'nothing')}"
        secrets = settings.get("PSKsecrets", "")
        if not secrets:
            yield f"[{section.name}] has no PSKsecrets"
        elif complaint := seat.key_complaint(posixpath.join(DIRECTORY, secrets)):
            yield complaint
