"""`offctl-agent`: parse, call, print, exit."""

from collections.abc import Callable
import functools
import json
import os
from pathlib import Path
import random
import re
import sys

import click

import offctl
from offctl import durations, pipes, progress, service
from offctl import program as commandline
from offctl.planner import wording
from offctl.tables import INSTANT, MAX_INTEGER
from offctl.text import visible
from offctl_agent import config as configs
from offctl_agent import examples, printing
from offctl_agent.agent import Agent, open_machine, utc_now
from offctl_agent.execute import Result
from offctl_agent.holds import HOST, Hold
from offctl_agent.intake import Intake

Command = Callable[..., None]

_LOOKING = "looking at this host"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(offctl.__version__, prog_name="offctl-agent")
def agent() -> None:
    """Make this host what its signed release says, and report whether it is."""


def with_config(command: Command) -> Command:
    """Give a command `--config`, loaded."""

    @click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path),
        default=configs.DEFAULT,
        show_default=True,
        help="The host's agent.toml.",
    )
    @functools.wraps(command)
    def loaded(path: Path, **arguments: object) -> None:
        command(config=configs.load(path), **arguments)

    return loaded


def made(config: configs.Config, alive: Callable[[], None] = lambda: None) -> Agent:
    """The agent for a configuration; `alive` hears that a long command goes on."""
    host, floors = open_machine(config, alive)
    return Agent(config, host, utc_now, floors)


@agent.command()
@click.option("--host", required=True, help="This host's name in the site.")
@click.option("--coordinator", "coordinators", multiple=True, help="ADDRESS:PORT; may be repeated.")
@click.option("--simulated", default="", help="Manage this directory instead of the machine.")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=configs.DEFAULT,
    show_default=True,
    help="Where to write agent.toml; the keys go beside it.",
)
@click.option(
    "--replace",
    multiple=True,
    type=click.Choice(["certificate", "tunnel-key"]),
    help="Make a new one; the old one is gone. May be repeated.",
)
def init(
    host: str,
    coordinators: tuple[str, ...],
    simulated: str,
    path: Path,
    replace: tuple[str, ...],
) -> None:
    """Make this host's keys and print the lines that pin them in the site.

    Running it again prints the same lines; no key is replaced but those that --replace names.
    """
    from offctl_agent import identity

    done = identity.make(
        path, host=host, coordinators=coordinators, simulated=simulated, replace=replace
    )
    print(done.lines, end="")
    if replace:
        print(
            "# Until a release with these lines is published, this host cannot call its\n"
            "# coordinator. Give them to `offctl host add --replace`, then restart offctl-courier.",
            file=sys.stderr,
        )
        return
    print(f"# {path.parent} holds this host's keys.", file=sys.stderr)
    print(
        "# Next: paste the lines above into the site, copy the site's trust.toml to",
        file=sys.stderr,
    )
    print(f"# {configs.load(path).trust}, then sign and publish a release.", file=sys.stderr)


@agent.command()
@with_config
def run(config: configs.Config) -> None:
    """Look after this host until stopped (the service)."""
    from offctl_agent.daemon import Daemon

    service.log("offctl-agent", os.environ, plain=True)
    jitter = random.Random()  # noqa: S311 - no secret depends on it
    manager = service.manager(os.environ)
    daemon = Daemon(made(config, manager.alive), jitter, manager)
    daemon.serve(lambda: print(f"looking after {config.host}", flush=True))


@agent.command()
@click.option(
    "--restart", "restarts", type=int, multiple=True, metavar="ID", help="May restart now."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@with_config
def apply(config: configs.Config, restarts: tuple[int, ...], as_json: bool) -> None:
    """Converge once, now, and say what was done. Exit 0 right, 1 something left, 2 failed."""
    looking = made(config)
    looking.prepare()

    def tell(_: Intake, result: Result) -> None:
        if not as_json:
            progress.clear()
            pipes.say(printing.result_line(result))

    with progress.shown(_LOOKING):
        ran = looking.run(restarts=restarts, tell=tell, waiting=_waiting)
    if as_json:
        pipes.say(json.dumps(printing.report_json(ran.report), indent=1))
    else:
        pipes.say(printing.heading(ran.intake))
        for line in printing.left_lines(ran.report):
            pipes.say(line)
    sys.exit(printing.exit_status(ran.report))


@functools.cache
def _ending() -> bool:
    progress.clear()
    print("held from now on; waiting for a step that was begun to end", file=sys.stderr, flush=True)
    return True


@functools.cache
def _waiting() -> bool:
    progress.clear()
    print("waiting for another run on this host to end", file=sys.stderr, flush=True)
    return True


@agent.command()
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@with_config
def plan(config: configs.Config, as_json: bool) -> None:
    """Show what `apply` would do now. Writes nothing.

    Exit 0 nothing to do, 1 something to do, 2 when no release is believed or one was refused.
    """
    pipes.end_with_reader()
    with progress.shown(_LOOKING):
        now = made(config).preview()
    if as_json:
        print(json.dumps(printing.plan_json(now.intake, now.plan, now.waits), indent=1))
    else:
        for line in printing.plan_lines(now.intake, now.plan, now.waits):
            print(line)
    if now.intake.held is None or now.intake.refused is not None:
        sys.exit(2)
    sys.exit(0 if now.plan.empty else 1)


@agent.command()
@click.option("--reason", default="", help="Why, for everybody who wonders.")
@click.option("--for", "span", default="", metavar="SPAN", help="Such as 30min, 2h or 3d.")
@click.option("--container", type=click.IntRange(1), metavar="ID", help="Only this one.")
@click.option("--release", is_flag=True, help="End it.")
@with_config
def hold(
    config: configs.Config, reason: str, span: str, container: int | None, *, release: bool
) -> None:
    """Change nothing on this host until the hold is over or released. Works offline, at once.

    A hold survives restarts and reboots. It covers everything, or one container with its mounts
    and their datasets; the agent goes on looking and reporting. Without options: show what is held.
    """
    if release:
        if reason or span:
            raise click.UsageError("--release stands alone, or with --container")
        ended = made(config).release(container or HOST)
        print(f"released: {ended.reason}" if ended else "nothing was held")
        sys.exit(0 if ended else 1)
    if not reason:
        if span or container:
            raise click.UsageError("say why with --reason")
        sys.exit(_show_holds(made(config)))
    now = utc_now()
    until = now + durations.parse(span) if span else None
    by = os.environ.get("SUDO_USER", os.environ.get("USER", ""))
    until_text = until.strftime(INSTANT) if until else "released"
    what = f"container {container}" if container else f"host {config.host}"
    held = Hold(container or HOST, until, reason, since=now.strftime(INSTANT), by=by)
    made(config).hold(held, waiting=_ending)
    print(f"held: nothing is changed on {what} until {until_text}")


def _show_holds(shown: Agent) -> int:
    kept = [hold for hold in shown.state.holds.read() if not hold.over(utc_now())]
    for hold in kept:
        what = f"container {hold.container}" if hold.container else "this host"
        until = hold.until.strftime(INSTANT) if hold.until else "it is released"
        said = f"{hold.reason} (since {hold.since}{f', by {hold.by}' if hold.by else ''})"
        print(visible(f"{what} is held until {until}: {said if hold.since else hold.reason}"))
    if not kept:
        print("nothing is held here")
    return 0


@agent.command()
@click.option(
    "--container",
    "only",
    type=click.IntRange(100),
    multiple=True,
    metavar="ID",
    help="Only this one and what it shows. May be repeated.",
)
@with_config
def adopt(config: configs.Config, only: tuple[int, ...]) -> None:
    """Print what lives on this host as the text of a site with which nothing would change.

    What cannot be said in a site is left out and listed with the reason; no key is read. Writes
    nothing: keep the text with `> HOST.toml`, and go on with `offctl adopt merge`.
    Exit 0 when the plan with it is empty, 1 when something is left that no text can be silent on,
    2 when not everything could be read, or a container that was asked for is not here.
    """
    from offctl_agent.adopt import adopting, telling

    pipes.end_with_reader()
    with progress.shown(f"{_LOOKING}, longer where tunnels are tried"):
        done = adopting.adopt(open_machine(config)[0], config.host, frozenset(only))
    print(telling.text(done, adopting.identity(config)), end="")
    for line in telling.summary(done):
        print(line, file=sys.stderr)
    sys.exit(telling.status(done))


@agent.command()
@click.argument("container", metavar="ID", type=click.IntRange(1))
@with_config
def retry(config: configs.Config, container: int) -> None:
    """Try a change of container ID again that was undone because its probe failed."""
    known = made(config).retry(container, waiting=_waiting)
    print(f"container {container}: " + ("tried again in the next run" if known else "not undone"))
    sys.exit(0 if known else 1)


@agent.command()
@click.argument("plan_hash", metavar="HASH")
@with_config
def approve(config: configs.Config, plan_hash: str) -> None:
    """Let a plan through that touches more than the site allows without being asked.

    HASH is what `offctl-agent plan` shows. It stands for the release and for all that was found on
    this host; when either has changed, nothing is approved. An approval is used up as it is
    carried out.
    """
    if not re.fullmatch(r"[0-9a-f]{12,64}", plan_hash):
        raise click.UsageError("HASH is 12 to 64 of the digits that `offctl-agent plan` shows")
    done = made(config).approve(plan_hash, waiting=_waiting)
    print(f"approved: {wording.summary(done.plan)}")
    print("the next run carries it out; `offctl-agent apply` does it now")


@agent.command()
@click.argument("resource", type=click.Choice(["dataset", "container", "pool", "directory"]))
@click.argument("name")
@with_config
def forget(config: configs.Config, resource: str, name: str) -> None:
    """Forget that a dataset NAME or container ID was here, so that a missing one is made anew.

    A pool or dataset NAME that was exchanged for another is believed again, and a directory (its
    path) may be empty. Changes nothing on the host.
    """
    known = made(config).forget(f"{resource} {name}", waiting=_waiting)
    print(f"{resource} {name}: " + ("forgotten" if known else "was not remembered"))
    sys.exit(0 if known else 1)


@agent.command()
@click.argument("serial", type=click.IntRange(1, MAX_INTEGER))
@with_config
def confirm(config: configs.Config, serial: int) -> None:
    """After a loss of memory: say that release SERIAL is the newest one this host may be given.

    Compare with `offctl history` first: whoever stole the coordinator would offer an old one.
    """
    looking = made(config)
    looking.prepare()
    for note in looking.confirm(serial, waiting=_waiting):
        print(f"note: {note}")
    print(f"nothing before release {serial} is accepted here from now on")


@agent.command()
@click.option("--json", "as_json", is_flag=True, help="Print the last report as JSON.")
@with_config
def status(config: configs.Config, as_json: bool) -> None:
    """Show this host's last report and whether its coordinator was reached. Writes nothing."""
    from offctl_agent import local

    pipes.end_with_reader()
    seen = local.read(config)
    if as_json:
        print(json.dumps(printing.local_json(seen), indent=1))
    else:
        for line in printing.local_lines(seen, utc_now()):
            print(line)
    if seen.report is None:
        sys.exit(1)
    old = printing.is_old(seen.report, utc_now())
    sys.exit(printing.exit_status(seen.report) or int(old))


@agent.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=configs.DEFAULT,
    show_default=True,
    help="The host's agent.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def doctor(path: Path, as_json: bool) -> None:
    """Look whether this host has what the agent needs. Writes nothing.

    Exit 0 when the agent can work here, 1 when something keeps it from that.
    """
    from offctl_agent import doctor as examination

    pipes.end_with_reader()
    found = examination.examine(path)
    if as_json:
        print(json.dumps(examination.document(found), indent=1))
    else:
        for line in examination.lines(found):
            print(line)
    sys.exit(int(not examination.fit(found)))


commandline.with_examples(agent, "", examples.EXAMPLES)


def main() -> None:
    """Run one command."""
    commandline.run("offctl-agent", agent, examples.STOPPED)


if __name__ == "__main__":
    main()
