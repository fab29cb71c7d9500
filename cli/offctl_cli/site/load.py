"""A site from its files: read, profiles applied, tables declared, names resolved, compiled."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from offctl import errors, progress
from offctl.desired import bundle
from offctl_cli.site import compiler, finding, key, kinds, lint, model, profiles, source
from offctl_cli.site.reader import Reader
from offctl_cli.site.tables.hosts import Organisation


def read_site(path: Path = Path()) -> model.Site:
    """The site at `path` (its directory or its site.toml) with what is wrong in its text.

    Raises AdminError when there is no site.toml to read.
    """
    return parse(source.read(path))


def compile_site(path: Path = Path(), now: datetime | None = None) -> compiler.Compiled:
    """Read, compile and lint the site at `path`; everything wrong is in the findings.

    With `now` it is also told what is over.

    Raises AdminError when there is no site.toml to read.
    """
    return compiled(read_site(path), now)


def compiled(site: model.Site, now: datetime | None = None) -> compiler.Compiled:
    """The same of a site that was read already."""
    if any(each.code == source.SYNTAX for each in site.findings):
        # Half a site would be called full of undeclared names.
        return compiler.Compiled(site.site.name, (), site.findings, {})
    with progress.shown("checking the site"):
        made = compiler.compile(site)
        checked = made.with_findings(lint.run(site, made, now))
        return checked if checked.has_errors else checked.with_findings(_unreadable(site, checked))


def _unreadable(site: model.Site, compiled: compiler.Compiled) -> tuple[finding.Finding, ...]:
    """What a host would refuse to read although no rule objects: ours to mend, but never signed."""
    found = []
    for state in compiled.states:
        try:
            same = bundle.parse(bundle.dump(state)) == state
            said = "" if same else "it would read as something else"
        except errors.MalformedError as error:
            said = str(error)
        if said:
            text = f"the bundle of {state.host} would not be read as it was meant: {said}"
            place = site.place(("hosts", state.host))
            found.append(finding.error("bundle", place, text, "please report this"))
    return tuple(found)


def parse(read: source.Source) -> model.Site:
    """The declared tables of what was read; no file is touched."""
    applied = profiles.apply(read.tables)
    reader = Reader(read.places, applied.origins, read.whole)
    for complaint in applied.complaints:
        reader.complain(*complaint)
    tables = applied.tables
    broken = any(each.code == source.SYNTAX for each in read.findings)
    if broken:  # what one broken file would have said is not missing
        tables = {"site": {"name": "unreadable"}, **tables}
    whole = reader.table(model.Tables, tables, ())
    findings = finding.in_order([*read.findings, *reader.findings])
    if whole is kinds.UNREAD:
        nameless = model.Tables(site=Organisation(name="unreadable"))
        return _site(nameless, findings, read, applied.origins)
    return _site(whole, findings, read, applied.origins)


def _site(
    tables: model.Tables,
    findings: tuple[finding.Finding, ...],
    read: source.Source,
    origins: Mapping[key.Path, key.Path],
) -> model.Site:
    named: dict[str, Any] = {
        name: getattr(tables, name)
        for name in model.Site.__dataclass_fields__
        if name not in ("findings", "places", "origins", "whole")
    }
    return model.Site(
        **named,
        findings=findings,
        places=MappingProxyType(dict(read.places)),
        origins=origins,
        whole=read.whole,
    )
