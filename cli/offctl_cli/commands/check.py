"""`offctl check`: everything that is wrong with a site, before anybody signs it. Offline."""

from datetime import UTC, datetime
import json
from pathlib import Path

import click

from offctl_cli import console
from offctl_cli.site import load
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.finding import Finding, Severity

JSON_FORMAT = 1


@click.command(name="check")
@click.argument("site", type=click.Path(path_type=Path), default=Path())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--rules", is_flag=True, help="List all rules instead, with what each is about.")
@click.pass_context
def command(context: click.Context, site: Path, *, as_json: bool, rules: bool) -> None:
    """Compile and check the site in directory SITE (default: here), offline.

    Exit status: 0 nothing found, 1 warnings only, 2 errors.
    """
    if rules:
        _print_rules(as_json=as_json)
        return
    compiled = load.compile_site(site, datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(_document(compiled), indent=2))
    else:
        for each in compiled.findings:
            click.echo(_text(each))
        click.echo(_closing(compiled))
    context.exit(_status(compiled))


def _print_rules(*, as_json: bool) -> None:
    from offctl_cli.site.lint import registry

    if as_json:
        rules = [
            {"code": each.code, "severity": each.severity.value, "doc": each.doc}
            for each in registry.RULES
        ]
        click.echo(json.dumps({"format": JSON_FORMAT, "rules": rules}, indent=2))
        return
    for each in registry.RULES:
        click.echo(f"{each.code:<27} {each.severity.value:<8} {each.doc}")


def _text(found: Finding) -> str:
    told = console.visible(str(found))
    return f"{told}\n    hint: {console.visible(found.hint)}" if found.hint else told


def _document(compiled: Compiled) -> dict[str, object]:
    return {
        "format": JSON_FORMAT,
        "site": compiled.site_name,
        "checked": _checked(compiled),
        "errors": _count(compiled, Severity.ERROR),
        "warnings": _count(compiled, Severity.WARNING),
        "findings": [each.as_json() for each in compiled.findings],
    }


def _checked(compiled: Compiled) -> dict[str, int]:
    containers = [each for state in compiled.states for each in state.containers]
    return {
        "hosts": len(compiled.states),
        "containers": len(containers),
        "datasets": sum(len(state.datasets) for state in compiled.states),
        "mounts": sum(len(each.mounts) for each in containers),
        "tunnels": len({end.name for state in compiled.states for end in state.tunnels}),
    }


def _closing(compiled: Compiled) -> str:
    counted = ", ".join(_number(count, word) for word, count in _checked(compiled).items())
    errors, warnings = (_count(compiled, severity) for severity in Severity)
    found = f"{_number(errors, 'errors')}, {_number(warnings, 'warnings')}"
    return f"checked {counted}: {found if errors or warnings else 'nothing found'}"


def _number(count: int, plural: str) -> str:
    return f"{count} {plural if count != 1 else plural.removesuffix('s')}"


def _count(compiled: Compiled, severity: Severity) -> int:
    return sum(1 for each in compiled.findings if each.severity is severity)


def _status(compiled: Compiled) -> int:
    if compiled.has_errors:
        return 2
    return 1 if compiled.findings else 0
