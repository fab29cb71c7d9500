"""From a site to what each host is asked to be. Pure: no file, no clock, no network, no logging."""

from offctl_cli.site.compiler.compiled import Compiled
from offctl_cli.site.compiler.site import compile  # noqa: A004

__all__ = ["Compiled", "compile"]
