"""What compiling collects besides states: findings, and the place each resource came from."""

from collections.abc import Collection

from offctl_cli.site import finding, key
from offctl_cli.site.compiler.compiled import Resource
from offctl_cli.site.model import Site
from offctl_cli.site.reader import nearest


class Notes:
    """Collects while the site is lowered; handed through every step."""

    def __init__(self, site: Site) -> None:
        self.findings: list[finding.Finding] = []
        self.origins: dict[Resource, finding.Place] = {}
        self.stanzas: dict[Resource, key.Path] = {}
        self._site = site

    def complain(self, code: str, path: key.Path, text: str, hint: str = "") -> None:
        """Collect an error at the place of `path`."""
        self.findings.append(finding.error(code, self._site.place(path), text, hint))

    def came_from(self, host: str, kind: str, identity: str, path: key.Path) -> None:
        """Remember which key a resource comes from."""
        self.origins[(host, kind, identity)] = self._site.place(path)
        self.stanzas[(host, kind, identity)] = path

    def declared(self, what: str, name: str, known: Collection[str], path: key.Path) -> bool:
        """Whether `name` is among `known`; complains at `path` when it is not."""
        if name in known:
            return True
        near = nearest(name, list(known))
        text = f"{key.shown(path)} names {what} {name[:80]!r}, which is not declared"
        self.complain("undeclared", path, text, f"did you mean {near!r}?" if near else "")
        return False
