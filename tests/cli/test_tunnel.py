"""`offctl tunnels` and `offctl tunnel`: what is said of links, and the phases of a rotation."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import shutil

from click.testing import CliRunner, Result
import pytest

from offctl import errors, links
from offctl.desired.model import TunnelEnd
from offctl.links import Link
from offctl.report import Report, TunnelStatus
from offctl.tables import INSTANT
from offctl_cli import rotation, stanza
from offctl_cli.commands import tunnel, tunnels
from offctl_cli.rotation import NotYet, Phase
from offctl_cli.site import load
from transport.fleet import now

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
NAME = "redis-ovh"
HOSTS = ("ovh1", "off2")
CLIENT = TunnelStatus(
    "redis-ovh", "client", 113, "off", "10.1.0.113:6379", "off2", 1, "proven",
    "2026-03-01T00:00:00Z", "", ("robotoff",),
)  # fmt: skip
SERVER = replace(
    CLIENT, role="server", container=101, accept="6379", peer="ovh1", state="loaded", consumers=()
)


def report(host: str, *ends: TunnelStatus) -> Report:
    return Report(
        site="s", host=host, stream="x", sequence=1, time=now(), software="1", mode="enforce",
        serial=1, manifest_sha256="", bundle_sha256="", freshness="fresh", interval=60,
        seconds_milli=1, tunnels=ends,
    )  # fmt: skip


def link(client: TunnelStatus, *servers: TunnelStatus) -> Link:
    (found,) = links.links({"ovh1": report("ovh1", client), "off2": report("off2", *servers)})
    return found


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site"))


def ends(site: Path) -> list[tuple[str, int, str]]:
    compiled = load.compile_site(site)
    assert not compiled.has_errors, compiled.findings
    found: list[TunnelEnd] = [e for s in compiled.states for e in s.tunnels if e.name == NAME]
    return sorted((e.role, e.generation, e.identity) for e in found)


def test_a_link_is_as_good_as_its_worse_end() -> None:
    assert link(CLIENT, SERVER).state == "proven"
    assert link(CLIENT, SERVER).right
    assert link(replace(CLIENT, state="broken"), SERVER).state == "broken"
    assert link(CLIENT, replace(SERVER, state="not loaded")).state == "not loaded"
    silent = link(CLIENT)
    assert (silent.state, silent.unheard, silent.right) == ("silent", ("off2",), False)
    (unmanaged,) = links.links({"ovh1": report("ovh1", replace(CLIENT, peer="moji"))})
    assert (unmanaged.state, unmanaged.unheard) == ("proven", ())


def test_a_client_that_is_cut_off_is_told_of_for_as_long_as_it_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server accepts both keys, the client goes on with the old one: right, and to be seen."""
    long_ago = (now() - timedelta(days=30)).strftime(INSTANT)
    waiting = link(CLIENT, SERVER, replace(SERVER, generation=2, since=long_ago))
    assert (waiting.state, waiting.right) == ("proven", True)
    assert (waiting.used, waiting.accepted) == ((1,), (1, 2))
    tunnels._print((waiting,))
    told = capsys.readouterr().out
    assert "between two keys for 30 d" in told
    assert "client end uses generation 1, its server end accepts 1 and 2" in told
    for settled in (link(CLIENT, SERVER), link(CLIENT)):
        tunnels._print((settled,))
        assert "between two keys" not in capsys.readouterr().out


def test_a_proof_is_shown_with_its_age(capsys: pytest.CaptureFixture[str]) -> None:
    tried = (now() - timedelta(minutes=9, seconds=5)).strftime(INSTANT)
    found = link(replace(CLIENT, proven_at=tried), SERVER)
    assert links.as_json(found)["proven_at"] == tried
    tunnels._print((found,))
    assert "9 min ago" in capsys.readouterr().out.replace("\n", " ")
    broken = link(replace(CLIENT, state="broken"), SERVER)
    assert links.as_json(broken)["proven_at"] == ""


def test_phases_follow_each_other_only_by_the_word_of_the_right_host() -> None:
    table = load.read_site(EXAMPLE).tunnels[NAME]
    two = replace(SERVER, generation=2)
    accept = replace(table, generation=2, rotation="accept")
    switch = replace(table, generation=2, rotation="switch")
    assert rotation.following(NAME, table, HOSTS, None) == Phase(
        2, "accept", "its server end accepts generation 2 too"
    )
    assert isinstance(rotation.following(NAME, accept, HOSTS, link(CLIENT, SERVER, two)), Phase)
    proven = link(replace(CLIENT, generation=2), SERVER, two)
    assert rotation.following(NAME, switch, HOSTS, proven) == Phase(
        2, None, "generation 1 is not accepted any more"
    )
    for told in (
        None,
        link(CLIENT, SERVER),
        link(CLIENT, SERVER, replace(two, state="not loaded")),
        link(CLIENT, SERVER, replace(two, role="client")),
        links.links({"evil": report("evil", two), "ovh1": report("ovh1", CLIENT)})[0],
    ):
        assert isinstance(rotation.following(NAME, accept, HOSTS, told), NotYet)
    for told in (
        None,
        link(CLIENT, SERVER, two),
        link(replace(CLIENT, generation=2, state="broken"), SERVER, two),
        links.links({"evil": report("evil", replace(CLIENT, generation=2))})[0],
    ):
        assert isinstance(rotation.following(NAME, switch, HOSTS, told), NotYet)


def test_a_key_in_a_file_is_not_rotated() -> None:
    table = load.read_site(EXAMPLE).tunnels["redis-moji"]
    found = rotation.following("redis-moji", table, ("", "off2"), None)
    assert isinstance(found, NotYet)
    assert "people have to replace it" in found.reason


def test_the_first_phase_needs_no_coordinator_and_keeps_every_other_byte(site: Path) -> None:
    before = (site / "tunnels.toml").read_text()
    done = CliRunner().invoke(tunnel.command, ["rotate", NAME, "--site", str(site)])
    assert done.exit_code == 0, done.output
    after = (site / "tunnels.toml").read_text()
    assert after.replace('generation = 2\nrotation = "accept"\n', "") == before
    assert ends(site) == [
        ("client", 1, "ovh1-offredis-g1"),
        ("server", 1, "ovh1-offredis-g1"),
        ("server", 2, "ovh1-offredis-g2"),
    ]


def test_all_phases_in_the_site(site: Path) -> None:
    tunnel.write(site, NAME, Phase(2, "accept", ""), revoked=None)
    tunnel.write(site, NAME, Phase(2, "switch", ""), revoked=None)
    assert [end[:2] for end in ends(site)] == [("client", 2), ("server", 1), ("server", 2)]
    tunnel.write(site, NAME, Phase(2, None, ""), revoked=None)
    assert [end[:2] for end in ends(site)] == [("client", 2), ("server", 2)]


def test_revoking_says_who_else_is_cut_and_asks(site: Path) -> None:
    before = (site / "tunnels.toml").read_text()
    asked = CliRunner().invoke(tunnel.command, ["revoke", NAME, "--site", str(site)], input="n\n")
    assert asked.exit_code == 1
    assert "mongodb-moji, mongodb-ovh, redis-moji" in asked.output
    assert (site / "tunnels.toml").read_text() == before
    done = CliRunner().invoke(tunnel.command, ["revoke", NAME, "--yes", "--site", str(site)])
    assert done.exit_code == 0, done.output
    assert [end[:2] for end in ends(site)] == [("client", 2), ("server", 2)]
    text = (site / "tunnels.toml").read_text()
    assert "revoked = 1" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rotate"], "name one tunnel"),
        (["rotate", NAME, "--host", "off2"], "name one tunnel"),
        (["rotate", "nobody"], "cannot find tunnel"),
        (["rotate", "--host", "nobody"], "cannot find host"),
        (["rotate", "--host", "off1"], "no tunnel has an end on off1"),
        (["revoke", "redis-moji", "--yes"], "its key is in"),
    ],
)
def test_refusals(site: Path, words: list[str], said: str) -> None:
    before = (site / "tunnels.toml").read_text()
    done = CliRunner().invoke(tunnel.command, [*words, "--site", str(site)])
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)
    assert (site / "tunnels.toml").read_text() == before


def rotate_host(site: Path, host: str, tmp_path: Path) -> Result:
    return CliRunner().invoke(
        tunnel.command,
        ["rotate", "--host", host, "--site", str(site)],
        env={"OFFCTL_CONFIG": str(tmp_path / "none.toml")},
    )


def test_a_host_rotates_everything_that_can_be(site: Path, tmp_path: Path) -> None:
    done = rotate_host(site, "ovh1", tmp_path)
    assert done.exit_code == 0, done.output
    assert done.output.count("accepts generation 2 too") == 2
    assert done.output.count("left as it is, its key is in /etc/offctl/psk/") == 2


def test_a_host_goes_on_with_what_is_under_way_and_begins_nothing_else(
    site: Path, tmp_path: Path
) -> None:
    """One tunnel is done before the other: one more phase of it would be another rotation."""
    tunnel.write(site, NAME, Phase(2, "accept", ""), revoked=None)
    before = (site / "tunnels.toml").read_text()
    done = rotate_host(site, "ovh1", tmp_path)
    assert "mongodb-ovh: left as it is, no rotation of it is under way" in done.output
    assert done.exit_code != 0, "the coordinator could not be asked"
    assert (site / "tunnels.toml").read_text() == before


def test_a_host_whose_keys_are_all_in_files_has_nothing_to_rotate(
    site: Path, tmp_path: Path
) -> None:
    path = site / "tunnels.toml"
    path.write_text(path.read_text().replace('"ovh-stunnel-client"', '"stunnel-client"'))
    for name in ("mongodb-ovh", "redis-ovh"):
        text = path.read_text()
        at = text.index(f"[tunnels.{name}]")
        end = text.find("[tunnels.", at + 1)
        path.write_text(text[:at] + text[end:])
    done = rotate_host(site, "ovh1", tmp_path)
    assert done.exit_code == 1
    assert "next:" not in done.output


def test_later_phases_need_the_coordinator(site: Path, tmp_path: Path) -> None:
    tunnel.write(site, NAME, Phase(2, "accept", ""), revoked=None)
    done = CliRunner().invoke(
        tunnel.command,
        ["rotate", NAME, "--site", str(site)],
        env={"OFFCTL_CONFIG": str(tmp_path / "none.toml")},
    )
    assert done.exit_code != 0
    assert 'rotation = "accept"' in (site / "tunnels.toml").read_text()


@pytest.mark.parametrize(
    "text",
    ["", "[tunnels]\nt = { generation = 1 }\n", "tunnels.t.generation = 1\n",
     "[tunnels.t]\n[tunnels.t]\n", "[tunnels.other]\n", "# [tunnels.t]\n"],
)  # fmt: skip
def test_a_stanza_in_another_form_is_left_alone(text: str) -> None:
    with pytest.raises(errors.AuthorError):
        stanza.with_values(text, ("tunnels", "t"), {"generation": "2"})


def test_a_value_is_replaced_where_it_stands_and_nowhere_else() -> None:
    text = '[tunnels.a]\ngeneration = 7\n\n[tunnels."t"] # mine\ngeneration=1\nrotation = "accept"'
    new = stanza.with_values(text, ("tunnels", "t"), {"generation": "2", "rotation": None})
    assert new == '[tunnels.a]\ngeneration = 7\n\n[tunnels."t"] # mine\ngeneration = 2\n'


def test_what_is_printed_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    evil = replace(CLIENT, state="broken", reason="\x1b[2Jboom", accept="\x1b]0;x")
    tunnels._print((link(evil, SERVER),))
    assert "\x1b" not in capsys.readouterr().out
    assert now().strftime(INSTANT)
