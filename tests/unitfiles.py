"""The unit files as systemd reads them: sections of settings, each a list of what was written."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "systemd"
NAMES = ("offctl-agent", "offctl-courier", "offctl-coordinator")

Settings = dict[str, list[str]]


def path(name: str) -> Path:
    return UNITS / f"{name}.service"


def read(name: str) -> dict[str, Settings]:
    sections: dict[str, Settings] = {}
    section: Settings = {}
    for line in path(name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
            continue
        key, equals, value = line.partition("=")
        assert equals, f"{name}: {line!r} is no setting"
        section.setdefault(key, []).append(value)
    return sections


def words(settings: Settings, key: str) -> set[str]:
    return {word for value in settings.get(key, []) for word in value.split()}
