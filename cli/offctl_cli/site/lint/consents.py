"""The rule about what ends by itself: the only one that needs a clock, which comes in."""

from collections.abc import Iterator
from datetime import datetime

from offctl_cli.site import key, model
from offctl_cli.site.finding import Finding, Severity
from offctl_cli.site.lint.rule import Rule
from offctl_cli.site.tables.hosts import Freeze

FREEZE_OVER = Rule("freeze-over", Severity.WARNING, "A freeze that is written is not over yet.")


def over(site: model.Site, now: datetime) -> Iterator[Finding]:
    """Freezes that hold nothing any more, and mislead whoever reads the site."""
    for path, freeze in _freezes(site):
        if freeze.until <= now:
            place = site.place((*path, "freeze", "until"))
            yield Finding(
                FREEZE_OVER.severity,
                FREEZE_OVER.code,
                place.file,
                place.line,
                f"the freeze of {'.'.join(map(str, path))} was over at "
                f"{freeze.until:%Y-%m-%d %H:%M} UTC",
                f"take it out with `offctl freeze {path[1]} --release`",
            )


def _freezes(site: model.Site) -> Iterator[tuple[key.Path, Freeze]]:
    for name, host in site.hosts.items():
        if host.freeze is not None:
            yield ("hosts", name), host.freeze
    for name, container in site.containers.items():
        if container.freeze is not None:
            yield ("containers", name), container.freeze
