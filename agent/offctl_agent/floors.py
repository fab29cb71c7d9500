"""How far this host has come, remembered in two places: wiping one re-opens no way back.

One place is the state directory, the other the host's own storage (a user property on its managed
pools). Pure: this module says what the marks mean, not how they are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import re

from offctl import errors
from offctl.desired import names
from offctl.trust.accept import Floor

# The code of a host that does not know how far it had come.
FLOOR_LOST = "FLOOR_LOST"

_NUMBER = "([1-9][0-9]{0,15}|0)"
_TEXT = re.compile(rf"1 ({names.NAME.pattern}|-) {_NUMBER} {_NUMBER} ([0-9a-f]{{64}}|-)")


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest release ever accepted here, and the highest version of a trust root in force.

    `site` is empty for a host that has accepted nothing yet.
    """

    site: str = ""
    floor: Floor = Floor()
    trust: int = 0

    @property
    def text(self) -> str:
        """One line that `parse` reads; fits a user property."""
        return f"1 {self.site or '-'} {self.trust} {self.floor.serial} {self.floor.sha256 or '-'}"


def parse(text: str) -> Mark:
    """Read a mark; raises MalformedError for whatever `text` could not have been."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise errors.MalformedError(f"cannot read the floor {text[:80]!r}: not one of ours")
    site, trust, serial, sha256 = match.groups()
    floor = Floor(int(serial), "" if sha256 == "-" else sha256)
    return Mark("" if site == "-" else site, floor, int(trust))


def highest(marks: Iterable[Mark]) -> Mark:
    """What all of them say together; of two hashes for one serial the first one given counts."""
    found = Mark()
    for mark in marks:
        higher = mark.floor.serial > found.floor.serial
        same = mark.floor.serial == found.floor.serial and not found.floor.sha256
        floor = mark.floor if higher or same else found.floor
        found = Mark(mark.site or found.site, floor, max(found.trust, mark.trust))
    return found
