"""`offctl publish`: offer a signed release to the coordinator."""

from dataclasses import asdict
import json
from pathlib import Path

import click

from offctl import errors
from offctl.desired import bundle
from offctl.desired.model import DesiredState
from offctl.trust import release as releases
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_cli import believing, connection, cutting, reverting, signedfile
from offctl_cli.client import Client
from offctl_cli.commands.tunnels import last_words


@click.command("publish")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--cut", multiple=True, metavar="TUNNEL", help="A tunnel that may be cut by it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    release: Path,
    cut: tuple[str, ...],
    *,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Offer the signed RELEASE to the coordinator, which takes all of it or nothing.

    RELEASE may be a successor of the trust root too (`offctl trust rotate`). One that would cut a
    tunnel, by what the hosts said last of its key, or may cut one because a host reports but does
    not say which key it uses, is not offered without --cut.
    """
    content = signedfile.read(release)
    if not signedfile.is_release(content):
        with Client(connection.resolve(address, trust, certificate, key)) as client:
            done = client.publish_root(content)
        if as_json:
            click.echo(json.dumps({"trust_root": asdict(done), "release": None}, indent=2))
            return
        said = "was in force already" if done.already_in_force else "is in force"
        click.echo(f"trust root {done.version} {said}; hosts get it with their next poll")
        click.echo("publish a release that it accepts, or the hosts have nothing to go by")
        return
    found = releases.parse(content)
    resolved = connection.resolve(address, trust, certificate, key)
    with Client(resolved) as client:
        _refuse_cuts(found, cut, client, resolved.root)
        published = client.publish(found)
    if as_json:
        click.echo(json.dumps({"trust_root": None, "release": asdict(published)}, indent=2))
        return
    if published.already_current:
        click.echo(f"release {published.serial} is already current")
        return
    hosts = ", ".join(name for name, _ in found.bundles)
    click.echo(f"published release {published.serial} for {published.hosts} hosts: {hosts}")


def _refuse_cuts(
    release: SignedRelease, meant: tuple[str, ...], fleet: Client, root: TrustRoot
) -> None:
    """Raises AuthorError when the phases of a tunnel's key are out of order."""
    wanted = {host: bundle.parse(content) for host, content in release.bundles}
    if not any(state.tunnels for state in wanted.values()):
        return
    reports, mute = last_words(fleet)
    for name, reason in cutting.cuts(wanted, reports):
        if name not in meant:
            raise errors.AuthorError(
                f"cannot publish this: it would cut tunnel {name}: {reason}",
                hint="`offctl tunnel rotate` writes the phases in their order; a key that is to be "
                f"cut is revoked (`offctl tunnel revoke {name}`), or say --cut {name}",
            )
    # Most of the time every host speaks, and the release before this one need not be fetched.
    for name, host in cutting.unsaid(wanted, mute, _before(fleet, root)) if mute else ():
        if name not in meant:
            raise errors.AuthorError(
                f"cannot publish this: it may cut tunnel {name}: "
                f"{host} does not say now which key of {name} it uses",
                hint=f"`offctl status {host}` says why; wait until it does, or say --cut {name}",
            )


def _before(fleet: Client, root: TrustRoot) -> dict[str, DesiredState] | None:
    """What the newest release asks for; None when there is none that can be believed."""
    try:
        found, _ = believing.release(fleet, fleet.list_hosts().serial, root)
        return reverting.states(found)
    except errors.UnreachableError:
        raise
    except errors.OffctlError:
        # Then anything may be cut, and --cut is still a way on.
        return None
