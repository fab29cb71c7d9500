"""Starting and stopping containers."""

from offctl_agent.host import pctconf
from offctl_agent.simulated import pctset, pctworld
from offctl_agent.simulated.pctarguments import Call
from offctl_agent.simulated.pctworld import DIED, NO_QUORUM, Said, World
from offctl_agent.simulated.result import CommandError

MOUNTED = "mounted"
PATIENCE = 10
DEFAULT_TIMEOUT = "60"


def start(world: World, call: Call, said: Said) -> None:
    """`pct start`. Raises CommandError."""
    number = call.number
    file = pctworld.load(world, number, said.stderr)
    _refuse_foreign_lock(file, call)
    if world.containers.is_running(number):
        raise CommandError(f"CT {number} already running", DIED)
    if file.main.options.get("template") == "1":
        raise CommandError("you can't start a CT if it's a template", DIED)
    if not world.files.quorate():
        raise CommandError(NO_QUORUM, DIED)
    with world.files.locked(number, PATIENCE, DIED):
        launch(world, number, said)


def launch(world: World, number: int, said: Said) -> None:
    """Apply what waits and make the container run with it. Raises CommandError."""
    file = pctworld.load(world, number, said.stdout)
    if file.pending.options:
        pctset.Changes(world, number, file).apply()
        pctworld.save(world, number, file)
    rootfs = file.main.options.get("rootfs", "")
    if problem := world.volumes.complaint(rootfs.partition(",")[0]):
        raise CommandError(problem, DIED)
    world.containers.configure(number, file)
    world.containers.launch(number, file, said)


def stop(world: World, call: Call, said: Said) -> None:
    """`pct stop`: at once, and allowed without quorum. Raises CommandError."""
    _refuse_foreign_lock(pctworld.load(world, call.number, said.stderr), call)
    if not world.containers.is_running(call.number):
        raise CommandError(f"CT {call.number} not running", DIED)
    with world.files.locked(call.number, PATIENCE, DIED):
        world.containers.stop(call.number)


def shutdown(world: World, call: Call, said: Said) -> None:
    """`pct shutdown`. Raises CommandError."""
    pctworld.check_lock(pctworld.load(world, call.number, said.stderr))
    if not world.containers.is_running(call.number):
        raise CommandError(f"CT {call.number} not running", DIED)
    with world.files.locked(call.number, PATIENCE, DIED):
        world.containers.shut_down(
            call.number, _seconds(call), force=call.options.get("forceStop") == "1"
        )


def reboot(world: World, call: Call, said: Said) -> None:
    """`pct reboot`: stops, applies what is pending, starts. Raises CommandError."""
    number = call.number
    pctworld.check_lock(pctworld.load(world, number, said.stderr))
    if not world.containers.is_running(number):
        raise CommandError(f"VM {number} not running", DIED)
    with world.files.locked(number, PATIENCE, DIED):
        world.containers.shut_down(number, _seconds(call), force=True)
        if not world.files.quorate():
            raise CommandError(NO_QUORUM, DIED)
        launch(world, number, said)


def after_stop(world: World, number: int) -> None:
    """What PVE's hook does whenever a container has ended: apply what waits, rewrite the file.

    It takes no lock. Raises CommandError.
    """
    content = world.files.read(number)
    if content is None or not world.files.quorate():
        return
    file = pctconf.read(content)
    pctset.Changes(world, number, file).apply()
    pctworld.save(world, number, file)


def _seconds(call: Call) -> int:
    return int(call.options.get("timeout", DEFAULT_TIMEOUT))


def _refuse_foreign_lock(file: pctconf.File, call: Call) -> None:
    if call.options.get("skiplock") != "1":
        pctworld.check_lock(file, allowed=MOUNTED)
