"""`offctl rollout`: how far the newest release has come, and stopping or hurrying it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
import json
from pathlib import Path
import sys

import click

from offctl.durations import text
from offctl_cli import connection
from offctl_cli.client import Client
from offctl_cli.console import visible
from offctl_cli.fleet import Rollout, RolloutHost


@click.group("rollout")
def command() -> None:
    """Show and steer the rollout of the newest release, wave by wave."""


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def status(
    *,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Show which wave has its turn, and what the next one waits for.

    Exit 0 when every wave has its turn, 1 when one waits, 2 when the rollout halted.
    """
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        found = client.get_rollout()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1))
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(2 if found.halted else 1 if _waiting(found) else 0)


@command.command("pause")
@click.option("--reason", required=True, help="Why; shown to everybody.")
@connection.options
def pause(
    *,
    reason: str,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Give no further wave its turn until `resume`, also of later releases.

    Hosts that have the release already go on with it; `offctl freeze` stops those.
    """
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        seen = client.get_rollout()
        client.steer_rollout("pause", seen, reason)
    click.echo(f"release {seen.serial} stays with wave {seen.wave} until `offctl rollout resume`")


@command.command("resume")
@connection.options
def resume(
    *, address: str | None, trust: Path | None, certificate: Path | None, key: Path | None
) -> None:
    """Go on after a pause or a halt; the next wave still waits until those before it are right."""
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        seen = client.get_rollout()
        client.steer_rollout("resume", seen, "")
    click.echo(f"release {seen.serial} goes on from wave {seen.wave}")


@command.command("promote")
@connection.options
def promote(
    *, address: str | None, trust: Path | None, certificate: Path | None, key: Path | None
) -> None:
    """Give the next wave its turn now, whatever the waves before it showed; only that one."""
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        seen = client.get_rollout()
        client.steer_rollout("promote", seen, "")
    given = min((h.wave for h in seen.hosts if h.wave > seen.wave), default=seen.wave)
    names = ", ".join(visible(host.host) for host in seen.hosts if host.wave == given)
    click.echo(f"release {seen.serial}: wave {given} has its turn: {names}")


def lines(found: Rollout) -> Iterator[str]:
    """The rollout for people."""
    if not found.serial:
        yield "nothing has been published yet"
        return
    waves = sorted({host.wave for host in found.hosts})
    yield f"release {found.serial}: wave {found.wave} of {', '.join(map(str, waves))} has its turn"
    if found.halted:
        yield f"halted: {visible(' '.join(found.halted.split()))}"
        yield "  publish a release that mends it, or go on with `offctl rollout resume`"
    if found.paused:
        yield f"paused {visible(' '.join(found.paused.split()))}"
        yield "  go on with `offctl rollout resume`"
    for host in found.hosts:
        yield _host_line(found, host)


def _host_line(found: Rollout, host: RolloutHost) -> str:
    said = " ".join(host.reason.split())
    why = f"  {visible(said, 160)}" if said else ""
    right = ""
    if host.offered == found.serial and host.wave <= found.wave and _waiting(found):
        right = f"  right for {_span(host.right)} of {_span(host.soak)}"
    offered = host.offered or "nothing"
    head = f"  wave {host.wave}  {visible(host.host, 40)}: offered {offered}, {host.state}"
    return f"{head}{right}{why}"


def _waiting(found: Rollout) -> bool:
    return any(host.wave > found.wave for host in found.hosts)


def _span(seconds: int) -> str:
    return text(timedelta(seconds=seconds))
