"""What can be wrong with a site that reads and compiles: rules, each with a code. Pure."""

from datetime import datetime

from offctl_cli.site import finding, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import consents
from offctl_cli.site.lint.registry import CHECKED


def run(
    site: model.Site, compiled: Compiled, now: datetime | None = None
) -> tuple[finding.Finding, ...]:
    """What breaks a rule, by file and line. Works on a site with errors, on what is left of it.

    Without `now` nothing is over.
    """
    found = [each for rule in CHECKED for each in rule.findings(site, compiled)]
    return finding.in_order([*found, *(consents.over(site, now) if now else ())])
