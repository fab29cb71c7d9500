"""What holds for every desired state against every host, whatever either looks like."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from offctl.desired.model import (
    Access,
    BindMount,
    Container,
    Dataset,
    DesiredState,
    Directory,
    IdRange,
    Mode,
    Mount,
    Network,
    RootFilesystem,
    RunState,
    Subid,
    VolumeMount,
)
from offctl.observed import (
    Configuration,
    Effective,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedState,
    Property,
    Unknown,
)
from offctl.planner import actions, commands, idmaps, mounts, networks, planner
from offctl.planner.ledger import Entry, Ledger

QUICK = settings(max_examples=300, deadline=None, derandomize=True, database=None)
SEEDS = st.integers(0, 2**32)

NAMES = ("tank", "tank/a", "tank/a/b", "tank/c", "other/x")
TARGETS = ("/m", "/m/a", "/m/a/b", "/m/c", "/n", "/n/x", "/v")
TEXTS = (
    "1",
    "0",
    "yes",
    "",
    "8",
    "a;b",
    "nesting=1",
    "order=1",
    "junk",
    "a=b,a=c",
    "10G",
    "é",
    "=",
)
PROPERTIES = (
    *("atime", "compression", "quota", "recordsize", "mountpoint", "casesensitivity", "canmount"),
)
VALUES = ("on", "off", "zstd", "10G", "none", "131072", "/tank/a", "?")
OPTIONS = (
    *("cores", "memory", "features", "startup", "tags", "onboot", "protection", "tty"),
    "nameserver",
)
LINES = (
    "/tank/a,mp=/m",
    "/tank/a/b/,mp=/m/a//,ro=1",
    "tank:subvol-113-disk-1,mp=/v,size=1G",
    "tank:subvol-113-disk-2,mp=/m/c,size=1.5G",
    "/x=y,mp=/n",
    "junk",
    "/tank/c,mp=n/x,backup=0",
    "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01",
)
KEYS = (*OPTIONS, "mp0", "mp1", "mp2", "mp9", "mp255", "net0", "net7", "lock", "unprivileged")
UNREAD = Unknown("cannot be read")


class Maker:
    """Desired and observed states out of one seed: much faster than drawing each part."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.pick = self.random.choice

    def some(self, among: Sequence[str], most: int) -> list[str]:
        return self.random.sample(among, self.random.randint(0, min(most, len(among))))

    def pairs(
        self, keys: Sequence[str], values: Sequence[str], most: int = 4
    ) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((key, self.pick(values)) for key in self.some(keys, most)))

    def access(self) -> Access:
        return Access(
            *(self.pick((None, self.random.randint(0, 0o777))) for _ in range(3)),
        )

    def dataset(self, name: str) -> Dataset:
        directories = (Directory(path, self.access()) for path in self.some(("d", "d/e"), 2))
        written = self.pairs(PROPERTIES, VALUES)
        return Dataset(
            name=name,
            logical="x",
            mountpoint=f"/{name}",
            properties=written,
            inherit=tuple(p for p in self.some(PROPERTIES, 2) if p not in dict(written)),
            access=self.access(),
            directories=tuple(directories),
            replica_of=self.pick(("", "", "off1")),
        )

    def mount(self, target: str) -> Mount:
        options = self.pairs(("ro", "backup", "mountoptions"), ("1", "0", "yes", "nodev"), 2)
        if self.pick((True, True, False)):
            name = self.pick(NAMES)
            return BindMount(target, f"/{name}", name, options=options)
        volume = self.pick(("", "subvol-113-disk-1"))
        return VolumeMount(target, "tank", self.pick(("1G", "1536M")), volume, options)

    def mounts(self) -> tuple[Mount, ...]:
        return tuple(self.mount(target) for target in self.some(TARGETS, 6))

    def ranges(self) -> tuple[IdRange, ...]:
        count = self.random.randint(0, 3)
        return tuple(
            IdRange(self.pick("ug"), self.random.randint(0, 9), 100000, 10) for _ in range(count)
        )

    def container(self, number: int) -> Container:
        written = self.pairs(OPTIONS, TEXTS)
        return Container(
            id=number,
            name="ct",
            run=self.pick(tuple(RunState)),
            template=self.pick(("", "local:vztmpl/x.tar.zst")),
            root=RootFilesystem("tank", 8),
            unprivileged=self.pick((True, False)),
            options=written,
            defaults=tuple(k for k in self.some(OPTIONS, 2) if k not in dict(written)),
            networks=tuple(
                Network(i, "eth0", "vmbr0", self.pick(("", "BC:24:11:00:00:02")))
                for i in range(self.random.randint(0, 2))
            ),
            mounts=self.mounts(),
            idmap=self.pick((None, (), self.ranges())),
            mode=self.pick(tuple(Mode)),
        )

    def desired(self) -> DesiredState:
        numbers = self.random.sample(range(110, 114), self.random.randint(0, 3))
        return DesiredState(
            site="s",
            host="off2",
            mode=Mode.ENFORCE,
            subids=tuple(Subid(self.pick("ug"), start, 3) for start in range(self.pick((0, 3)))),
            datasets=tuple(self.dataset(name) for name in self.some(NAMES, 4)),
            containers=tuple(self.container(number) for number in numbers),
        )

    def configuration(self) -> Configuration:
        lines = self.random.choices(("u 0 100000 10", "junk", "", "g x y z"), k=self.pick((0, 2)))
        return Configuration(
            options=self.pairs(KEYS, TEXTS + LINES + LINES, 9),
            raw=tuple(("lxc.idmap", line) for line in lines),
            pending=self.pairs(KEYS, TEXTS + LINES, 3),
            pending_delete=tuple(self.some(KEYS, 2)),
            digest="0" * 40,
        )

    def found(self, number: int) -> ObservedContainer | tuple[int, Unknown]:
        if self.pick(range(6)) == 0:
            return number, UNREAD
        maps: tuple[tuple[str, ...], ...] = ((), idmaps.DEFAULT_LINES, ("junk",))
        shown = tuple((target, "/tank/a") for target in self.some(TARGETS, 3))
        effective = self.pick((None, Effective(shown, self.pick(maps))))
        return ObservedContainer(number, self.configuration(), effective)

    def observed_dataset(self, name: str) -> ObservedDataset:
        sources = ("local", "inherited", "received")
        return ObservedDataset(
            name,
            self.pick(("filesystem", "filesystem", "volume")),
            tuple((k, Property(v, self.pick(sources))) for k, v in self.pairs(PROPERTIES, VALUES)),
            self.pick(("", f"/{name}", f"/{name}", "/elsewhere")),
        )

    def observed(self) -> ObservedState:
        numbers = self.random.sample(range(110, 115), self.random.randint(0, 4))
        there = (None, UNREAD, ObservedDirectory(0, 0, 0o755))
        rare = range(9)
        return ObservedState(
            pools=UNREAD if self.pick(rare) == 0 else (("tank", 1),),
            datasets=UNREAD
            if self.pick(rare) == 0
            else tuple(self.observed_dataset(name) for name in self.some(NAMES, 5)),
            containers=UNREAD
            if self.pick(rare) == 0
            else tuple(self.found(number) for number in numbers),
            guests=self.pick((UNREAD, (), (), ((111, "qemu", "off2"),))),
            subids=self.pick((UNREAD, (("u", 0, 4),))),
            directories=tuple(
                (path, self.pick(there))
                for path in self.some(("/tank/a", "/tank/a/d", "/tank/c", "/tank/a/d/e"), 3)
            ),
            writable=self.pick(("", "", "", "no quorum")),
        )

    def ledger(self) -> Ledger:
        keys = self.some(("container 113", "container 110", "dataset tank/a", "dataset tank/c"), 4)
        fields = (*OPTIONS, *PROPERTIES, "exists", "mount /m", "mount /n/x", "net0", "started")
        values = (*TEXTS, *VALUES, "/tank/c", "name=eth0,bridge=vmbr0")
        return Ledger(
            {
                key: {f: Entry(v, self.pick((True, False))) for f, v in self.pairs(fields, values)}
                for key in keys
            }
        )


FORBIDDEN = frozenset(
    "destroy rollback unlock rename promote recv -r -R -f --force --purge".split()
)
KEY = re.compile(r"(subids root|(dataset|directory) \S+|container \d+)")
KINDS = actions.Action.__args__


@QUICK
@given(SEEDS)
def test_every_plan_is_made_of_known_words_only(seed: int) -> None:
    maker = Maker(seed)
    desired, observed, ledger = maker.desired(), maker.observed(), maker.ledger()
    remembered = list(ledger)
    plan = planner.plan(desired, observed, ledger)

    assert plan == planner.plan(desired, observed, ledger)
    assert list(ledger) == remembered
    identities = [(step.resource.key, step.text) for step in plan]
    assert len(identities) == len(set(identities)), "results are found again by these"
    for step in plan:
        assert KEY.fullmatch(step.resource.key)
        assert all(KEY.fullmatch(key) for key in step.requires)
        assert step.differences
        if step.action is None:
            assert step.reason
            continue
        assert type(step.action) in KINDS
        for argv in commands.commands(step.action):
            assert not FORBIDDEN & set(argv)
            assert argv[0] in ("pct", "zfs")
            assert argv[:2] != ("pct", "set") or "--rootfs" not in argv
        assert commands.shown(step.action)


@QUICK
@given(SEEDS)
def test_what_cannot_be_read_is_not_changed(seed: int) -> None:
    maker = Maker(seed)
    desired, observed, ledger = maker.desired(), maker.observed(), maker.ledger()
    unread = Unknown("gone")
    blind = replace(observed, pools=unread, datasets=unread, containers=unread, subids=unread)
    assert planner.plan(desired, blind, ledger).steps == ()


@QUICK
@given(SEEDS)
def test_a_lock_or_a_lost_quorum_stops_every_call_of_pct(seed: int) -> None:
    maker = Maker(seed)
    desired, observed, ledger = maker.desired(), maker.observed(), maker.ledger()
    plan = planner.plan(desired, replace(observed, writable="no quorum"), ledger)
    for step in plan:
        if step.action is not None:
            assert not any(argv[0] == "pct" for argv in commands.commands(step.action))


@QUICK
@given(SEEDS, st.sets(st.integers(0, 12)))
def test_placing_mounts(seed: int, reserved: set[int]) -> None:
    maker = Maker(seed)
    wanted, now = maker.mounts(), maker.configuration()
    present, _ = mounts.lines(tuple((k, v) for k, v in now.options if k != "mp255"))
    present = [line for line in present if line.index not in reserved]
    placed = mounts.place(wanted, present, reserved)

    assert set(placed) == {mount.target for mount in wanted}
    assert len(set(placed.values())) == len(placed)
    others = {line.target: line.index for line in present if line.target not in placed}
    assert not set(placed.values()) & (reserved | set(others.values()))
    for target, index in placed.items():
        for parent, above in (*placed.items(), *others.items()):
            assert not mounts.is_below(target, parent) or above < index
    current = {line.target: line.index for line in present}
    consistent = all(
        not mounts.is_below(child, parent) or current[parent] < current[child]
        for parent in current
        for child in placed.keys() & current.keys()
    )
    new = placed.keys() - current.keys()
    if consistent and not any(mounts.is_below(t, n) for t in placed for n in new):
        assert all(placed[t] == current[t] for t in placed.keys() & current.keys())
    assert mounts.place(wanted, as_lines(placed), reserved) == placed, "nothing moves twice"


def as_lines(placed: dict[str, int]) -> list[mounts.Line]:
    return [mounts.Line(index, target, {}, "") for target, index in placed.items()]


def exactly(desired: DesiredState) -> ObservedState:
    """A host that is just what it is asked to be."""
    return ObservedState(
        pools=(("tank", 1), ("other", 1)),
        datasets=tuple(
            ObservedDataset(
                d.name,
                "filesystem",
                tuple((k, Property(v, "local")) for k, v in d.properties),
                d.mountpoint,
            )
            for d in desired.datasets
        ),
        containers=tuple(container_as(c) for c in desired.containers),
        guests=(),
        subids=tuple((s.kind, s.start, s.count) for s in desired.subids),
        directories=tuple(
            (path, ObservedDirectory(a.uid or 0, a.gid or 0, a.mode or 0))
            for d in desired.datasets
            for path, a in (
                (d.mountpoint, d.access),
                *((f"{d.mountpoint}/{sub.path}", sub.access) for sub in d.directories),
            )
        ),
    )


def container_as(container: Container) -> ObservedContainer:
    placed = mounts.place(container.mounts, [], set())
    lines = {f"mp{placed[m.target]}": line_of(m) for m in container.mounts}
    lines |= {f"net{n.index}": networks.text(n, None) for n in container.networks}
    options = {**dict(container.options), **lines}
    if container.unprivileged:
        options["unprivileged"] = "1"
    written = idmaps.texts(container.idmap or ())
    effective = Effective(
        tuple((m.target, m.source) for m in container.mounts if isinstance(m, BindMount)),
        written or idmaps.DEFAULT_LINES,
    )
    return ObservedContainer(
        container.id,
        Configuration(
            options=tuple(sorted(options.items())),
            raw=tuple(("lxc.idmap", line) for line in written),
            pending=(),
            pending_delete=(),
            digest="",
        ),
        effective if container.run is RunState.RUNNING else None,
    )


def line_of(mount: Mount) -> str:
    if isinstance(mount, BindMount):
        return mounts.text(mount, None)
    named = replace(mount, volume=mount.volume or "subvol-113-disk-1")
    return mounts.text(named, None)


@QUICK
@given(SEEDS)
def test_a_host_that_is_as_desired_has_nothing_to_do(seed: int) -> None:
    desired = Maker(seed).desired()
    datasets = tuple(
        replace(d, inherit=(), mountpoint=f"/{d.name}", properties=spoken(d))
        for d in desired.datasets
    )
    containers = tuple(
        replace(c, defaults=(), options=tuple((k, v) for k, v in c.options if v))
        for c in desired.containers
    )
    asked = replace(desired, datasets=datasets, containers=containers)
    plan = planner.plan(asked, exactly(asked), Ledger())
    assert plan.steps == ()
    assert plan.findings == ()


def spoken(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """A canmount or mountpoint of its own would only be a second word about the same thing."""
    return tuple(p for p in dataset.properties if p[0] not in ("canmount", "mountpoint"))
