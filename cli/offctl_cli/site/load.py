"""A site from its files: read, profiles applied, tables declared, names resolved, compiled."""

from collections.abc import Mapping
import importlib
from pathlib import Path
from types import MappingProxyType
from typing import Any

from offctl_cli.site import compiler, finding, key, kinds, model, profiles, source
from offctl_cli.site.reader import Reader
from offctl_cli.site.tables.hosts import Organisation


def read_site(path: Path = Path()) -> model.Site:
    """The site at `path` (its directory or its site.toml) with what is wrong in its text.

    Raises AdminError when there is no site.toml to read.
    """
    return parse(source.read(path))


def compile_site(path: Path = Path()) -> compiler.Compiled:
    """Read, compile and lint the site at `path`; everything wrong is in the findings.

    Raises AdminError when there is no site.toml to read.
    """
    site = read_site(path)
    compiled = compiler.compile(site)
    lint = importlib.import_module("offctl_cli.site.lint")
    more = lint.run(site, compiled)
    return compiled.with_findings(more)


def parse(read: source.Source) -> model.Site:
    """The declared tables of what was read; no file is touched."""
    applied = profiles.apply(read.tables)
    reader = Reader(read.places, applied.origins, read.whole)
    for wrong in applied.undeclared:
        reader.complain("undeclared", *wrong)
    tables = applied.tables
    broken = any(each.code == "toml-syntax" for each in read.findings)
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
