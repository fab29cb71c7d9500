"""`offctl diff`: what is asked for is compared, wherever it comes from, however it is written."""

import json
import os
from pathlib import Path
import subprocess
from typing import Any

from click.testing import CliRunner
import pytest

from offctl_cli import __main__
from offctl_cli.site import load
import smallsite
from transport import fleet as fleets
from transport.fleet import Fleet, served
from transport.test_operator_commands import configure

# Releases are signed for the site of this name.
BASE = smallsite.BASE.replace('"small"', '"openfoodfacts"')
WEB = """
[containers.web]
use = "po"
id = 101
memory = 2048
mounts = { "/srv/data" = "data" }
"""
DATA = """
[datasets.data]
place.h = "tank/data"
properties = { compression = "zstd" }
"""


def run(*words: object, expect: int, env: dict[str, str] | None = None) -> str:
    runner = CliRunner(mix_stderr=False)
    result = runner.invoke(
        __main__.offctl_command, [str(word) for word in words], env=env, standalone_mode=False
    )
    code = result.return_value if result.exception is None else result.exit_code
    assert code == expect, (result.stdout, result.stderr, result.exception)
    return result.stdout + result.stderr


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    directory.mkdir()
    (directory / "site.toml").write_text('include = ["more/*.toml"]\n' + BASE)
    (directory / "more").mkdir()
    (directory / "more" / "all.toml").write_text(WEB + DATA)
    return directory


def git(directory: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@b.example", *words],
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )


def committed(site: Path) -> None:
    git(site.parent, "init", "--quiet")
    git(site.parent, "add", "site")
    git(site.parent, "commit", "--quiet", "-m", "first")


def rewrite(site: Path, old: str, new: str) -> None:
    path = site / "more" / "all.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_revision_of_git_is_compared_with_what_lies_here(site: Path) -> None:
    committed(site)
    assert run("diff", "HEAD", site, "--site", site, expect=0) == "diff: they ask for the same\n"
    rewrite(site, "memory = 2048", "memory = 4096")
    rewrite(site, 'compression = "zstd"', 'compression = "inherit"')
    rewrite(site, '"/srv/data" = "data"', '"/srv/other" = "data"')
    git(site.parent, "commit", "--quiet", "-a", "-m", "second")
    said = run("diff", "HEAD~1", "HEAD", "--site", site, expect=2)
    assert said == (
        "h\n"
        "  ~ container 101 web  (HEAD:more/all.toml:2)\n"
        "      memory: 2048 → 4096\n"
        "  ~ dataset tank/data  (HEAD:more/all.toml:9)\n"
        "      compression: zstd → inherit\n"
        "  - mount /srv/data of container 101 web  (HEAD~1:more/all.toml:6)\n"
        "      dataset: tank/data\n"
        "      source: /tank/data\n"
        "  + mount /srv/other of container 101 web  (HEAD:more/all.toml:6)\n"
        "      dataset: tank/data\n"
        "      source: /tank/data\n"
        "diff: 1 added, 2 changed, 1 removed on 1 host\n"
    )


def test_another_text_that_asks_for_the_same_is_no_difference(site: Path) -> None:
    committed(site)
    (site / "more" / "all.toml").write_text(DATA.replace("= {", "  =  {"))
    moved = WEB.replace("memory = 2048", 'memory = 2048 # megabytes\nhost = "h"')
    (site / "more" / "other.toml").write_text(moved)
    assert run("diff", "HEAD", site, "--site", site, expect=0) == "diff: they ask for the same\n"


def test_serials_and_release_files_and_json(site: Path, tmp_path: Path) -> None:
    fleet = Fleet()
    first = load.compile_site(site).states
    releases = [fleet.release_of(1, *first)]
    (tmp_path / "one.release").write_bytes(releases[0].dump())
    rewrite(site, "memory = 2048", "memory = 4096")
    releases.append(fleet.release_of(2, *load.compile_site(site).states))
    with served(fleet, tmp_path, *releases) as running:
        env = {"OFFCTL_CONFIG": str(configure(tmp_path, fleet, running.address))}
        assert run("diff", "published", site, expect=0, env=env)
        said = run("diff", "1", "2", "--json", expect=2, env=env)
        assert run("diff", "1", tmp_path / "one.release", expect=0, env=env)
        assert run("diff", "1", "2", "--host", "h", expect=2, env=env)
        other = run("diff", "1", "2", "--host", "other", expect=1, env=env)
        missing = run("diff", "7", "2", expect=1, env=env)
    assert "cannot give release 7" in missing
    assert "cannot compare host 'other': neither release 1 nor release 2 has it" in other
    assert "they have h" in other
    document: dict[str, Any] = json.loads(said)
    assert document == {
        "schema": 1,
        "before": "release 1",
        "after": "release 2",
        "changes": [
            {
                "host": "h",
                "kind": "container",
                "identity": "101",
                "label": "container 101 web",
                "what": "changed",
                "properties": [{"name": "memory", "before": "2048", "after": "4096"}],
                "place": "",
            }
        ],
    }


def test_a_release_that_others_signed_is_not_believed(site: Path, tmp_path: Path) -> None:
    fleet, forger = Fleet(), Fleet()
    with served(fleet, tmp_path, fleet.release_of(1, *load.compile_site(site).states)) as running:
        config = configure(tmp_path, fleet, running.address)
        fleets.write_trust(
            tmp_path / "trust.toml",
            fleet.root(release_keys=(("desk", forger.release_key.public),)),
        )
        said = run("diff", "1", site, expect=1, env={"OFFCTL_CONFIG": str(config)})
    assert "signed" in said or "signature" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no file, no serial and no revision"),
        (("--output=x", "."), "No such option"),
        (("--", "--output=x", "."), "no file, no serial and no revision"),
        ((".", "also", "this"), "unexpected extra argument"),
        (("site/broken",), "cannot compare"),
        (("a" * 300, "."), "no file, no serial and no revision"),
        (("0", "."), "cannot find release 0: serials go from 1 to"),
        (("1" + "0" * 20, "."), "cannot find release 1000"),
        (("9" * 5000, "."), "cannot find release 999"),
    ],
)
def test_what_is_wrong_is_an_error_and_no_difference(
    words: tuple[str, ...], said: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(site)
    monkeypatch.chdir(site.parent)
    (site / "broken").mkdir()
    (site / "broken" / "site.toml").write_text(BASE + "[containers.x]\nid = 1\n")
    assert said in run("diff", *words, expect=1)


def test_what_a_revision_has_as_a_link_is_refused_and_never_left_out(site: Path) -> None:
    (site / "more" / "linked.toml").symlink_to("all.toml")
    committed(site)
    said = run("diff", "HEAD", site, "--site", site, expect=1)
    assert "cannot read more/linked.toml at HEAD: it is a link" in said
    assert "git worktree add" in said
    (site / "more" / "linked.toml").unlink()
    (site / "less").symlink_to("more")
    (site / "README.md").symlink_to("more/all.toml")
    git(site.parent, "add", "--all", "site")
    git(site.parent, "commit", "--quiet", "-m", "a directory")
    said = run("diff", "HEAD", site, "--site", site, expect=1)
    assert "cannot read less at HEAD: it is a link" in said
    (site / "less").unlink()
    git(site.parent, "commit", "--quiet", "-a", "-m", "of no file of the site")
    assert run("diff", "HEAD", site, "--site", site, expect=0)
