"""One version, wherever it is written; and the users and directories the units rely on."""

import configparser
from pathlib import Path
import re
import tomllib

import offctl
from unitfiles import ROOT, read, words

DEBIAN = ROOT / "debian"


def test_code_changelog_and_project_have_one_version() -> None:
    first = (DEBIAN / "changelog").read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"offctl \(([^)]+)\) \w+; urgency=\w+", first)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert found
    assert found[1] == offctl.__version__ == project["version"]


def test_debian_is_where_packaging_keeps_it() -> None:
    assert DEBIAN.is_symlink()
    assert DEBIAN.readlink() == Path("packaging/debian")


def test_every_user_of_a_unit_is_made() -> None:
    made = set()
    for file in DEBIAN.glob("*.sysusers"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                made.add(line.split()[1])
    wanted = {*read("offctl-courier")["Service"]["User"]}
    wanted |= {*read("offctl-coordinator")["Service"]["User"]}
    assert made == wanted


def test_what_the_courier_writes_is_its_own_and_the_agents_memory_is_not() -> None:
    lines = (DEBIAN / "offctl-agent.tmpfiles").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    made = {row[1]: tuple(row[2:5]) for row in rows}
    assert made["/var/lib/offctl/agent"] == ("0700", "root", "root")
    assert made["/var/lib/offctl/outbox"] == ("0750", "root", "offctl")
    assert made["/var/lib/offctl/inbox"] == ("0750", "offctl", "offctl")
    assert made["/var/lib/offctl/courier"] == ("0700", "offctl", "offctl")
    assert made["/run/offctl"] == ("3770", "root", "offctl")
    assert words(read("offctl-courier")["Service"], "ReadWritePaths") <= set(made)


def test_packages_depend_on_everything_the_project_does() -> None:
    control = (DEBIAN / "control").read_text(encoding="utf-8")
    depends = dict(re.findall(r"python3-([a-z-]+) \(>= ([0-9.]+)\)", control))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = dict(text.split(">=") for text in project["dependencies"])
    # Debian's protobuf 3.21.12 is what Python's index calls 4.21.12.
    assert wanted.pop("protobuf").partition(".")[2] == depends.pop("protobuf").partition(".")[2]
    wanted["systemd"] = depends["systemd"]
    assert depends == {"grpcio" if name == "grpcio" else name: v for name, v in wanted.items()}


def test_examples_are_no_configuration() -> None:
    shipped = {file.name for file in (ROOT / "packaging" / "etc").iterdir()}
    assert shipped == {"agent.toml.example", "coordinator.toml.example"}


def test_stanzas_of_the_copyright_file_are_complete() -> None:
    text = (DEBIAN / "copyright").read_text(encoding="utf-8")
    parser = configparser.ConfigParser(allow_no_value=True, delimiters=(":",))
    parser.read_string("[all]\n" + text.split("\n\n")[0])
    assert parser["all"]["Upstream-Name"] == "offctl"
    assert "Files: *" in text
    assert "License: Apache-2.0" in text
