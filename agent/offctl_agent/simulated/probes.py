"""`pct exec` of a simulated host: nothing runs inside, but `health.toml` says who is not well.

[[sick]]                # every command in the container fails ...
container = 113
line = "memory: 512"    # ... while this line stands in its configuration
stderr = "connection refused"
"""

from offctl import tables, toml
from offctl_agent.simulated import running
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pve import Pve
from offctl_agent.simulated.result import Result

NAME = "health.toml"
LIMIT = 64 * 1024


def run(machine: Machine, number: int) -> Result:
    """What a command inside gives, whatever it is. Raises MalformedError."""
    if running.load(machine, number) is None:
        return Result(255, stderr=f"Configuration file for container {number} not running\n")
    lines = (Pve(machine).read(number) or b"").decode().splitlines()
    for sick, line, stderr in _sick(machine.store.read(NAME)):
        if sick == number and line in lines:
            return Result(7, stderr=stderr + "\n")
    return Result()


def _sick(content: bytes | None) -> list[tuple[int, str, str]]:
    if content is None:
        return []
    table = toml.parse(content, what=NAME, limit=LIMIT)
    found = [_entry(item) for item in table.tables("sick")]
    table.finish()
    return found


def _entry(item: tables.Table) -> tuple[int, str, str]:
    entry = item.integer("container"), item.string("line"), item.string("stderr", "not well")
    item.finish()
    return entry
