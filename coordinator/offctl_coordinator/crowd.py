"""How many connections there may be, and who has to go when there are too many.

A connection is a stranger's until a call comes through it whose certificate is pinned. Strangers
make room for whoever comes, the one that has been here longest first: a place is not held by
saying nothing.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most so many connections of one source, in all, and known by one certificate.

    10,000 hosts behind one address have one each, and another while the one before ends; one
    address never has more than half of all. LimitNOFILE of the service is four times `in_all`,
    since each takes three descriptors.
    """

    of_source: int = 16_384
    in_all: int = 32_768
    of_certificate: int = 64


BOUNDS = Bounds()


@dataclass(eq=False, slots=True)
class Guest:
    """A connection; `hang_up` ends it at once. `certificate` is empty for a stranger."""

    where: str
    hang_up: Callable[[], None]
    certificate: str = ""


class Crowd:
    """Everybody who is connected."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._strangers: OrderedDict[Guest, None] = OrderedDict()
        self._strangers_of: dict[str, OrderedDict[Guest, None]] = {}
        self._here: set[Guest] = set()
        self._of_source: Counter[str] = Counter()
        self._of_certificate: Counter[str] = Counter()

    def enter(self, guest: Guest) -> bool:
        """Whether there is room for it, or room was made."""
        here = self._strangers_of.get(guest.where)
        if self._of_source[guest.where] >= self._bounds.of_source and not self._make_room(here):
            return False
        if len(self._here) >= self._bounds.in_all and not self._make_room(self._strangers):
            return False
        self._here.add(guest)
        self._of_source[guest.where] += 1
        self._strangers[guest] = None
        self._strangers_of.setdefault(guest.where, OrderedDict())[guest] = None
        return True

    def vouch(self, guest: Guest, certificate: str) -> None:
        """A call came through it; with too many of one certificate it stays a stranger's."""
        if guest not in self._strangers:
            return
        if self._of_certificate[certificate] < self._bounds.of_certificate:
            guest.certificate = certificate
            self._of_certificate[certificate] += 1
            self._no_stranger(guest)

    def leave(self, guest: Guest) -> None:
        """Also for who is gone already."""
        if guest not in self._here:
            return
        self._here.discard(guest)
        _less(self._of_source, guest.where)
        if guest.certificate:
            _less(self._of_certificate, guest.certificate)
        else:
            self._no_stranger(guest)

    def _make_room(self, strangers: OrderedDict[Guest, None] | None) -> bool:
        if not strangers:
            return False
        longest = next(iter(strangers))
        self.leave(longest)
        longest.hang_up()
        return True

    def _no_stranger(self, guest: Guest) -> None:
        del self._strangers[guest]
        here = self._strangers_of[guest.where]
        del here[guest]
        if not here:
            del self._strangers_of[guest.where]


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
