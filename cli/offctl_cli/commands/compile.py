"""`offctl compile`: what one host would be asked to be, as the bundle a release would carry."""

from pathlib import Path

import click

from offctl import errors
from offctl.desired import bundle
from offctl_cli import console
from offctl_cli.site import load


@click.command(name="compile")
@click.argument("site", type=click.Path(path_type=Path), default=Path())
@click.option("--host", metavar="HOST", help="Which host's bundle; needed when there are several.")
@click.pass_context
def command(context: click.Context, site: Path, *, host: str | None) -> None:
    """Print the bundle of HOST, compiled from the site in directory SITE (default: here).

    The same site gives the same bytes. Findings go to standard error; with an error among them
    nothing is printed and the exit status is 2.
    """
    compiled = load.compile_site(site)
    for each in compiled.findings:
        click.echo(console.visible(str(each)), err=True)
        if each.hint:
            click.echo(f"    hint: {console.visible(each.hint)}", err=True)
    if compiled.has_errors:
        context.exit(2)
    known = [state.host for state in compiled.states]
    name = known[0] if host is None and len(known) == 1 else host
    state = compiled.state(name or "")
    if state is None:
        asked = f"no host {name!r} in the site" if name else "no host is named"
        raise errors.AuthorError(
            f"cannot compile {compiled.site_name}: {asked}",
            hint=f"write --host and one of: {', '.join(known)}",
        )
    click.echo(bundle.dump(state).decode(), nl=False)
