"""The second place for a simulated host's floor: a user property on its pools' own datasets."""

from offctl import errors
from offctl_agent.simulated import programs
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.result import CommandError

PROPERTY = "org.offctl:floor"


class PoolFloors:
    """Satisfies host.protocol.FloorStore."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def read(self) -> tuple[str, ...]:
        """What each imported pool holds. Raises HostError."""
        return tuple(self._found().values())

    def keep(self, text: str, pools: tuple[str, ...]) -> None:
        """Set the property wherever it differs. Raises HostError when that fails anywhere."""
        found = self._found()
        for pool in pools:
            if found.get(pool) == text:
                continue
            argv = ["zfs", "set", f"{PROPERTY}={text}", pool]
            result = programs.run(self._machine, argv)
            if result.code:
                raise errors.HostError(f"cannot set {PROPERTY} of {pool}: {result.stderr.strip()}")

    def _found(self) -> dict[str, str]:
        try:
            pools = self._machine.pools()
        except CommandError as error:
            raise errors.HostError(f"cannot read {PROPERTY}: {error.message}") from error
        except errors.OffctlError as error:
            raise errors.HostError(f"cannot read {PROPERTY}: {error}") from error
        own = {name: pool.datasets[name].local for name, pool in pools.items()}
        # What came with `zfs receive`, or from a parent, was written by another host.
        return {name: local[PROPERTY] for name, local in own.items() if PROPERTY in local}
