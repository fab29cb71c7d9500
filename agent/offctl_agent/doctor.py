"""Whether this host has what the agent needs: a list of checks, each a sentence and a verdict.

A check looks and changes nothing. To add one, put a function into the list of the kind of host.
"""

from collections.abc import Callable, Iterable, Iterator
import importlib
import importlib.metadata
from pathlib import Path
from typing import Any

from offctl import errors
from offctl_agent import config as configs
from offctl_agent import finding
from offctl_agent.finding import Finding, Verdict
from offctl_agent.proxmox import checks

Check = Callable[[], Iterable[Finding]]

MODULES = ("click", "cryptography", "psutil", "tomli", "tomli_w")


def examine(config: Path) -> tuple[Finding, ...]:
    """Every check that applies; none is left out because another fails."""
    found = list(_configuration(config))
    simulated = _simulated(config)
    listed: list[tuple[str, Check]] = [("python", _modules)]
    if not simulated:
        listed += checks.ALL
    for name, check in listed:
        found += _examined(name, check)
    return tuple(found)


def fit(findings: Iterable[Finding]) -> bool:
    """Whether nothing keeps the agent from its work."""
    return all(each.verdict is not Verdict.FAILS for each in findings)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """For people: what is wrong stands out, and what to do stands below."""
    for each in findings:
        yield f"{each.verdict.value:5}  {each.name:12}  {each.text}"
        if each.hint and each.verdict is not Verdict.OK:
            yield f"{'':21}hint: {each.hint}"


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """The same for programs."""
    known = tuple(findings)
    shown = [
        {"name": each.name, "verdict": each.verdict.value, "text": each.text, "hint": each.hint}
        for each in known
    ]
    return {"fit": fit(known), "findings": shown}


def _examined(name: str, check: Check) -> Iterator[Finding]:
    try:
        yield from check()
    except (errors.OffctlError, OSError, ValueError) as error:
        yield Finding(name, Verdict.FAILS, str(error), getattr(error, "hint", ""))


def _configuration(path: Path) -> Iterator[Finding]:
    try:
        config = configs.load(path)
    except errors.OffctlError as error:
        yield finding.fails("config", str(error), error.hint or "offctl-agent init")
        return
    kind = f", simulated in {config.simulated}" if config.simulated else ""
    yield finding.ok("config", f"{path}: host {config.host}{kind}")


def _simulated(path: Path) -> bool:
    try:
        return configs.load(path).simulated is not None
    except errors.OffctlError:
        return False


def _modules() -> Iterator[Finding]:
    for name in MODULES:
        try:
            importlib.import_module(name)
            version = importlib.metadata.version(name.replace("_", "-"))
        except importlib.metadata.PackageNotFoundError:
            version = "version unknown"
        except ImportError as error:
            hint = f"apt install python3-{name.replace('_', '-')}"
            yield finding.fails("python", f"{name} cannot be imported: {error}", hint)
            continue
        yield finding.ok("python", f"{name} {version}")
