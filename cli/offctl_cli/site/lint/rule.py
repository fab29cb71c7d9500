"""What a rule is: a stable code, how grave it is, one sentence, and how to find what breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.finding import Finding, Place, Severity

# Where it is written (a key, or the place a resource came from), what is wrong, what to do.
Complaint = tuple[key.Path | Place, str, str]
Check = Callable[[model.Site, Compiled], Iterator[Complaint]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Without a `check` it is applied where the text is read or compiled."""

    code: str
    severity: Severity
    doc: str
    check: Check | None = None

    def findings(self, site: model.Site, compiled: Compiled) -> Iterator[Finding]:
        """What breaks this rule."""
        if self.check is None:
            return
        for where, text, hint in self.check(site, compiled):
            place = where if isinstance(where, Place) else site.place(where)
            yield Finding(self.severity, self.code, place.file, place.line, text, hint)


def error(code: str, doc: str) -> Callable[[Check], Rule]:
    """Make a rule of a check that keeps a site from being signed."""
    return lambda check: Rule(code, Severity.ERROR, doc, check)


def warning(code: str, doc: str) -> Callable[[Check], Rule]:
    """Make a rule of a check that a site may be signed with."""
    return lambda check: Rule(code, Severity.WARNING, doc, check)
