"""Containers of a simulated host: what each has mounted, kept in a file while it runs."""

from collections.abc import Mapping
import itertools

from offctl_agent.host import pctconf, subids
from offctl_agent.simulated import pctidmap, pctlife, pctvalues, running, stunnel
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.mounts import Place
from offctl_agent.simulated.pctworld import DIED, Files, Said, Volumes, World
from offctl_agent.simulated.result import CommandError, Result


class DirectoryContainers:
    """What pctworld.Containers asks for."""

    def __init__(self, machine: Machine, files: Files, volumes: Volumes) -> None:
        self._machine = machine
        self._world = World(files, volumes, self)

    def is_running(self, number: int) -> bool:
        return running.load(self._machine, number) is not None

    def configure(self, number: int, file: pctconf.File) -> None:
        """Networks are not simulated: every bridge is taken to exist."""

    def launch(self, number: int, file: pctconf.File, said: Said) -> None:
        idmap = pctidmap.lines(file)
        _refuse_idmap(self._machine, number, idmap, said)
        mounts: list[running.Bound] = []
        for key in pctvalues.mount_keys(file.main.options):
            # A line that PVE cannot parse is a mount that is silently missing.
            if parts := pctvalues.mount_parts(file.main.options[key]):
                mounts.append(_mounted(self._machine, number, parts, mounts, idmap, said))
        running.save(self._machine, number, running.Running(tuple(mounts), idmap))

    def stop(self, number: int) -> None:
        running.forget(self._machine, number)
        stunnel.forget(self._machine, number)
        pctlife.after_stop(self._world, number)

    def shut_down(self, number: int, seconds: int, *, force: bool) -> None:
        del seconds, force
        self.stop(number)

    def limit(self, number: int, key: str, value: str) -> None:
        """Nothing to limit."""

    def plug_mount(self, number: int, parts: Mapping[str, str]) -> None:
        state = running.load(self._machine, number)
        if state is not None:
            bound = bind(self._machine, parts)
            state = running.Running((*state.mounts, bound), state.idmap)
            running.save(self._machine, number, state)

    def plug_network(self, number: int, key: str, value: str) -> None:
        """No interfaces."""

    def execute(self, number: int, argv: list[str], *, keep_environment: bool) -> Result:
        del number, keep_environment
        return Result(127, stderr=f"lxc-attach: no program runs in a simulated container: {argv}\n")


def bind(machine: Machine, parts: Mapping[str, str]) -> running.Bound:
    """One mount as a container gets it now. Raises CommandError with the errno of a bad source."""
    volume, target = parts["volume"], "/" + parts["mp"].strip("/")
    if pctvalues.classify(volume) != "bind":
        return running.Bound(target, "", "", volume)
    obstacle = machine.obstacle(volume)
    if obstacle:
        raise CommandError(f"{volume}: {obstacle}", 2 if obstacle == "missing" else 20)
    place = machine.mounts().place(volume)
    return running.Bound(target, place.guid, place.path)


def _mounted(
    machine: Machine,
    number: int,
    parts: dict[str, str],
    before: list[running.Bound],
    idmap: tuple[str, ...],
    said: Said,
) -> running.Bound:
    """One mount at start; its directory is made inside whatever is mounted around it."""
    try:
        bound = bind(machine, parts)
    except CommandError as error:
        said.stdout += [
            f"run_buffer: 322 Script exited with status {error.code}\n",
            f'lxc_init: 844 Failed to run lxc.hook.pre-start for container "{number}"\n',
            f'__lxc_start: 2027 Failed to initialize container "{number}"\n',
        ]
        raise CommandError(f"startup for container '{number}' failed", DIED) from None
    outer = [m for m in before if running.covers(m.target, bound.target)]
    if outer and not outer[-1].volume:
        inside = bound.target[len(outer[-1].target.rstrip("/")) + 1 :]
        _make_mount_point(machine, outer[-1].place, inside, pctidmap.root(idmap))
    return bound


def _make_mount_point(machine: Machine, outer: Place, inside: str, root: tuple[int, int]) -> None:
    if inside and not machine.directory(outer.below(inside)).is_dir():
        machine.make_place(outer.below(inside))
        machine.set_owner(outer.below(inside), (*root, 0o755))


def _refuse_idmap(machine: Machine, number: int, lines: tuple[str, ...], said: Said) -> None:
    """As newuidmap does it: root must have been granted every range. Raises CommandError."""
    for kind, name in subids.FILES:
        granted = subids.parse(kind, machine.store.read(f"etc/{name}") or b"")
        wanted = [_numbers(line) for line in lines if line.split()[:1] == [kind]]
        for inside, outside, count in wanted:
            if not any(s <= outside and outside + count <= s + c for _, s, c in granted):
                said.stdout.append(
                    f"lxc_map_ids: 3701 new{kind}idmap failed to write mapping "
                    f'"new{kind}idmap: {kind}id range [{inside}-{inside + count}) -> '
                    f'[{outside}-{outside + count}) not allowed": new{kind}idmap\n'
                )
                raise CommandError(f"startup for container '{number}' failed", DIED)
        _refuse_overlap(sorted(wanted), number, said)


def _refuse_overlap(ranges: list[tuple[int, int, int]], number: int, said: Said) -> None:
    for (inside, _, count), (after, _, _) in itertools.pairwise(ranges):
        if inside + count > after:
            said.stdout.append(
                f"lxc.idmap: invalid map entry: container id {after} is also mapped by another\n"
            )
            raise CommandError(f"startup for container '{number}' failed", DIED)


def _numbers(line: str) -> tuple[int, int, int]:
    try:
        _, inside, outside, count = line.split()
        return int(inside), int(outside), int(count)
    except ValueError:
        raise CommandError(f"failed to parse lxc.idmap '{line}'", DIED) from None
