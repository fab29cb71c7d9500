"""What can be wrong with a site that reads and compiles: rules, each with a code. Pure."""

from offctl_cli.site import finding, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint.registry import CHECKED


def run(site: model.Site, compiled: Compiled) -> tuple[finding.Finding, ...]:
    """What breaks a rule, by file and line. Works on a site with errors, on what is left of it."""
    return finding.in_order([each for rule in CHECKED for each in rule.findings(site, compiled)])
