"""A diagram as values: what stands where, what is written in it, and what leads to what.

Text in here is as it was written; who renders it makes it harmless for its format.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import enum


class Tone(enum.Enum):
    """How something is, now; whatever is coloured by it carries the word of its mark too."""

    RIGHT = "right"
    CARE = "care"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is true now, in a word."""

    word: str
    tone: Tone


def worst(marks: Iterable[Mark | None]) -> Mark | None:
    """The mark that matters among some."""
    order = (Tone.BAD, Tone.CARE, Tone.UNKNOWN, Tone.RIGHT)
    found = [(order.index(mark.tone), mark.word, mark) for mark in marks if mark is not None]
    return min(found)[2] if found else None


class Place(enum.Enum):
    """What a box around others is."""

    CLUSTER = "cluster"  # a data centre, as its Proxmox cluster is called
    HOST = "host"
    OUTSIDE = "outside"  # where ends of tunnels are that the site does not manage


class Kind(enum.Enum):
    """What a node is."""

    PROXY = "proxy"
    APPLICATION = "application"
    DATABASE = "database"
    SERVICE = "service"  # a container that is none of these, or the host itself
    DATA = "data"
    COPY = "copy"  # data received from another host
    OUTSIDE = "outside"  # an address, or what is not managed
    JUNCTION = "junction"  # where lines of many that use the same come together


class Way(enum.Enum):
    """What an edge means."""

    REQUEST = "request"  # passes requests on
    USES = "uses"  # needs it, such as a database
    TUNNEL = "tunnel"
    OWN = "own"  # shows the data of its own application
    SHARED = "shared"  # shows data of another
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a node that edges can end at; `aside` is smaller, `users` are who needs it.

    `keys` are the things it stands for, by which it is found: ("dataset", "off/users").
    """

    id: str
    text: str
    aside: str = ""
    users: tuple[str, ...] = ()
    keys: frozenset[tuple[str, str]] = frozenset()
    passing: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A box around nodes and other boxes; `parent` is empty at the top."""

    id: str
    place: Place
    title: str
    parent: str = ""
    lines: tuple[str, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One thing. `owner` says whose it is: the application it runs, or whose data it is."""

    id: str
    kind: Kind
    title: str
    group: str
    lines: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    owner: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Where an edge ends: a node, or one row of it."""

    node: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """Leads from one end to another."""

    source: End
    target: End
    way: Way
    label: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """The whole diagram; every end of an edge is a node, or a row, of it."""

    title: str
    groups: tuple[Group, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()

    def children(self, parent: str) -> Iterator[Group]:
        """The boxes directly inside a box; those at the top for an empty one."""
        return (group for group in self.groups if group.parent == parent)

    def inside(self, group: str) -> Iterator[Node]:
        """The nodes directly inside a box."""
        return (node for node in self.nodes if node.group == group)

    def within(self, nodes: Iterable[Node]) -> tuple[Group, ...]:
        """The boxes around some nodes, with the boxes around those."""
        by_id = {group.id: group for group in self.groups}
        kept: set[str] = set()
        for node in nodes:
            at = node.group
            while at and at not in kept:
                kept.add(at)
                at = by_id[at].parent
        return tuple(group for group in self.groups if group.id in kept)
