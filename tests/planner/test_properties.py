"""What holds for every desired state against every host, whatever either looks like."""

from dataclasses import replace
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
from offctl_agent.host import commands
from offctl_agent.observed import (
    Configuration,
    Effective,
    ObservedContainer,
    ObservedDataset,
    ObservedDirectory,
    ObservedState,
    Property,
    Unknown,
)
from offctl_agent.planner import actions, idmaps, mounts, networks, planner
from offctl_agent.planner.ledger import Entry, Ledger

QUICK = settings(max_examples=250, deadline=None, derandomize=True, database=None)

NAMES = st.sampled_from(["tank", "tank/a", "tank/a/b", "tank/c", "other/x"])
TARGETS = st.sampled_from(["/m", "/m/a", "/m/a/b", "/m/c", "/n", "/n/x", "/v"])
TEXTS = st.sampled_from(
    ["1", "0", "yes", "", "8", "a;b", "nesting=1", "order=1", "junk", "a=b,a=c", "10G", "é", "=,="]
)
PROPERTIES = st.sampled_from(
    ["atime", "compression", "quota", "recordsize", "mountpoint", "casesensitivity", "canmount"]
)
VALUES = st.sampled_from(["on", "off", "zstd", "10G", "none", "131072", "/tank/a", "?"])
OPTIONS = st.sampled_from(
    ["cores", "memory", "features", "startup", "tags", "onboot", "protection", "tty", "nameserver"]
)
LINES = st.sampled_from(
    [
        "/tank/a,mp=/m",
        "/tank/a/b/,mp=/m/a//,ro=1",
        "tank:subvol-113-disk-1,mp=/v,size=1G",
        "tank:subvol-113-disk-2,mp=/m/c,size=1.5G",
        "/x=y,mp=/n",
        "junk",
        "/tank/c,mp=n/x,backup=0",
        "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01",
    ]
)
UNKNOWN = st.builds(Unknown, st.just("cannot be read"))
ACCESS = st.builds(
    Access,
    uid=st.none() | st.integers(0, 2000),
    gid=st.none() | st.integers(0, 2000),
    mode=st.none() | st.integers(0, 0o777),
)


def pairs(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[str], size: int = 4
) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    return st.dictionaries(keys, values, max_size=size).map(lambda d: tuple(sorted(d.items())))


DATASETS = st.lists(
    st.builds(
        Dataset,
        name=NAMES,
        logical=st.just("x"),
        mountpoint=NAMES.map(lambda name: f"/{name}"),
        properties=pairs(PROPERTIES, VALUES),
        inherit=st.lists(PROPERTIES, max_size=2, unique=True).map(tuple),
        access=ACCESS,
        directories=st.lists(
            st.builds(Directory, path=st.sampled_from(["d", "d/e"]), access=ACCESS),
            max_size=2,
            unique_by=lambda d: d.path,
        ).map(tuple),
        replica_of=st.sampled_from(["", "", "off1"]),
    ),
    max_size=4,
    unique_by=lambda d: d.name,
).map(tuple)
MOUNT_OPTIONS = pairs(st.sampled_from(["ro", "backup", "mountoptions"]), TEXTS, 2)
MOUNTS: st.SearchStrategy[tuple[Mount, ...]] = st.lists(
    st.builds(
        BindMount,
        target=TARGETS,
        source=NAMES.map(lambda name: f"/{name}"),
        dataset=NAMES,
        options=MOUNT_OPTIONS,
    )
    | st.builds(
        VolumeMount,
        target=TARGETS,
        storage=st.just("tank"),
        size=st.sampled_from(["1G", "1536M"]),
        volume=st.sampled_from(["", "subvol-113-disk-1"]),
        options=MOUNT_OPTIONS,
    ),
    max_size=6,
    unique_by=lambda m: m.target,
).map(tuple)
RANGES = st.lists(
    st.builds(
        IdRange,
        kind=st.sampled_from("ug"),
        inside=st.integers(0, 9),
        outside=st.just(100000),
        count=st.just(10),
    ),
    max_size=3,
).map(tuple)
CONTAINERS = st.lists(
    st.builds(
        Container,
        id=st.integers(110, 113),
        name=st.just("ct"),
        run=st.sampled_from(RunState),
        template=st.sampled_from(["", "local:vztmpl/x.tar.zst"]),
        root=st.just(RootFilesystem("tank", 8)),
        unprivileged=st.booleans(),
        options=pairs(OPTIONS, TEXTS),
        defaults=st.lists(OPTIONS, max_size=2, unique=True).map(tuple),
        networks=st.lists(
            st.builds(
                Network,
                index=st.integers(0, 1),
                name=st.just("eth0"),
                bridge=st.just("vmbr0"),
                hwaddr=st.sampled_from(["", "BC:24:11:00:00:02"]),
            ),
            max_size=2,
            unique_by=lambda n: n.index,
        ).map(tuple),
        mounts=MOUNTS,
        idmap=st.none() | RANGES,
        mode=st.sampled_from(Mode),
    ),
    max_size=3,
    unique_by=lambda c: c.id,
).map(tuple)
DESIRED = st.builds(
    DesiredState,
    site=st.just("s"),
    host=st.just("off2"),
    mode=st.just(Mode.ENFORCE),
    subids=st.lists(
        st.builds(Subid, st.sampled_from("ug"), st.integers(0, 5), st.integers(1, 5)), max_size=2
    ).map(tuple),
    datasets=DATASETS,
    containers=CONTAINERS,
)
KEYS = OPTIONS | st.sampled_from(["mp0", "mp1", "mp2", "mp9", "mp255", "net0", "net7", "lock"])
CONFIGURATIONS = st.builds(
    Configuration,
    options=pairs(KEYS | st.just("unprivileged"), TEXTS | LINES, 8),
    raw=st.lists(
        st.tuples(st.just("lxc.idmap"), st.sampled_from(["u 0 100000 10", "junk", "", "g x y z"])),
        max_size=3,
    ).map(tuple),
    pending=pairs(KEYS, TEXTS | LINES, 3),
    pending_delete=st.lists(KEYS, max_size=2, unique=True).map(tuple),
    digest=st.just("0" * 40),
)
EFFECTIVE = st.builds(
    Effective,
    mounts=st.lists(st.tuples(TARGETS, st.just("/tank/a")), max_size=3).map(tuple),
    idmap=st.sampled_from([(), idmaps.DEFAULT_LINES, ("junk",)]),
)
OBSERVED = st.builds(
    ObservedState,
    pools=UNKNOWN | st.just((("tank", 1),)),
    datasets=UNKNOWN
    | st.lists(
        st.builds(
            ObservedDataset,
            name=NAMES,
            kind=st.sampled_from(["filesystem", "filesystem", "volume"]),
            properties=st.dictionaries(
                PROPERTIES,
                st.builds(Property, VALUES, st.sampled_from(["local", "inherited", "received"])),
                max_size=4,
            ).map(lambda d: tuple(d.items())),
            mounted_at=st.sampled_from(["", "/tank", "/tank/a", "/tank/a/b"]),
        ),
        max_size=5,
        unique_by=lambda d: d.name,
    ).map(tuple),
    containers=UNKNOWN
    | st.lists(
        st.builds(
            ObservedContainer,
            id=st.integers(110, 114),
            configuration=CONFIGURATIONS,
            effective=st.none() | EFFECTIVE,
        )
        | st.tuples(st.integers(110, 113), UNKNOWN),
        max_size=4,
        unique_by=lambda c: c[0] if isinstance(c, tuple) else c.id,
    ).map(tuple),
    guests=UNKNOWN | st.sampled_from([(), ((111, "qemu", "off2"),)]),
    subids=UNKNOWN | st.just((("u", 0, 3),)),
    directories=st.dictionaries(
        st.sampled_from(["/tank/a", "/tank/a/d", "/tank/c", "/tank/a/d/e"]),
        st.none() | UNKNOWN | st.just(ObservedDirectory(0, 0, 0o755)),
        max_size=3,
    ).map(lambda d: tuple(d.items())),
    writable=st.sampled_from(["", "", "no quorum"]),
)
LEDGERS = st.dictionaries(
    st.sampled_from(["container 113", "container 110", "dataset tank/a", "dataset tank/c"]),
    st.dictionaries(
        OPTIONS | PROPERTIES | st.sampled_from(["exists", "mount /m", "net0", "idmap", "started"]),
        st.builds(Entry, TEXTS | VALUES | st.just("/tank/a"), st.booleans()),
        max_size=4,
    ),
    max_size=3,
).map(Ledger)

FORBIDDEN = frozenset(
    "destroy rollback unlock rename promote recv -r -R -f --force --purge".split()
)
KEY = re.compile(r"(subids root|(dataset|directory) \S+|container \d+)")
KINDS = actions.Action.__args__  # type: ignore[attr-defined]


@QUICK
@given(DESIRED, OBSERVED, LEDGERS)
def test_every_plan_is_made_of_known_words_only(
    desired: DesiredState, observed: ObservedState, ledger: Ledger
) -> None:
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
@given(DESIRED, OBSERVED, LEDGERS)
def test_what_cannot_be_read_is_not_changed(
    desired: DesiredState, observed: ObservedState, ledger: Ledger
) -> None:
    unread = Unknown("gone")
    blind = replace(observed, pools=unread, datasets=unread, containers=unread, subids=unread)
    assert planner.plan(desired, blind, ledger).steps == ()


@QUICK
@given(DESIRED, OBSERVED, LEDGERS)
def test_a_lock_or_a_lost_quorum_stops_every_call_of_pct(
    desired: DesiredState, observed: ObservedState, ledger: Ledger
) -> None:
    plan = planner.plan(desired, replace(observed, writable="no quorum"), ledger)
    for step in plan:
        if step.action is not None:
            assert not any(argv[0] == "pct" for argv in commands.commands(step.action))


@QUICK
@given(MOUNTS, CONFIGURATIONS, st.sets(st.integers(0, 12)))
def test_placing_mounts(wanted: tuple[Mount, ...], now: Configuration, reserved: set[int]) -> None:
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
@given(DESIRED)
def test_a_host_that_is_as_desired_has_nothing_to_do(desired: DesiredState) -> None:
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
