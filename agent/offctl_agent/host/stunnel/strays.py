"""Stunnels that no text asks for, wherever they run: found by what they really listen to. Pure."""

from collections.abc import Callable, Collection, Iterable

from offctl.observed import Stray
from offctl_agent.host.stunnel import configuration, sockets
from offctl_agent.host.stunnel.processes import Process


def strays(
    found: Iterable[Process],
    ours: Collection[tuple[int, str]],
    place_of: Callable[[int], str],
    places: Collection[str],
) -> tuple[Stray, ...]:
    """Every process that is not one of `ours` (network namespace and configuration).

    `place_of` names a network namespace. Only in `places`, those the text speaks of, is being
    reachable for everybody our business.
    """
    told = []
    for process in found:
        if (process.network, process.configuration) in ours:
            continue
        listening = tuple(s for s in process.listening if not configuration.is_marker(s))
        place = place_of(process.network)
        open_to_all = tuple(s for s in listening if sockets.is_exposed(s))
        exposed = open_to_all if place in places else ()
        told.append(Stray(place, process.configuration, listening, exposed))
    return tuple(sorted(told, key=lambda stray: (stray.place, stray.configuration)))
