"""A stunnel that people made: read in every form they write it in, looked at, never changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from offctl import errors
from offctl_agent.host.stunnel import configuration
from tunnels.test_simulated import Tunnelled, container, tunnel

HEAD = """\
foreground = yes
setuid = stunnel4
setgid = stunnel4
pid = /var/run/stunnel-off/stunnel.pid
"""
REDIS = """
[Redis]
client = yes
accept = 10.1.0.113:6379
connect = proxy2.example.org:6379
ciphers = PSK
PSKsecrets = /etc/stunnel/psk/redis-psk.txt
"""
# As the six of production are written: without a last newline, with comments, odd blanks, words of
# a later section, an IPv6 endpoint without brackets, one on loopback.
FORMS = {
    "plain": HEAD + REDIS,
    "without a last newline": (HEAD + REDIS).rstrip("\n"),
    "with comments": f"# ours\n; and ours\n{HEAD}debug=warning\n{REDIS}# end\n",
    "with odd blanks": HEAD + REDIS.replace(" = ", "=").replace("accept=", "accept  =  "),
    "with others": HEAD + REDIS + "[Far]\nclient = yes\naccept = 127.0.0.1:16000\n"
    "connect = 2a06:c484:5::102:16000\nPSKsecrets = /etc/stunnel/psk/far.txt\n",
    "with the key file in the head": HEAD
    + "PSKsecrets = /etc/stunnel/psk/redis-psk.txt\n"
    + REDIS.replace("PSKsecrets = /etc/stunnel/psk/redis-psk.txt\n", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str) -> None:
    found = configuration.parse(FORMS[form].encode())
    settings = {**found[""], **found["Redis"]}
    assert settings["accept"] == "10.1.0.113:6379"
    assert settings["PSKsecrets"] == "/etc/stunnel/psk/redis-psk.txt"
    assert found[""]["pid"] == "/var/run/stunnel-off/stunnel.pid"


@pytest.mark.parametrize("text", ["[A]\nx = 1\n[A]\n", "nonsense\n", "[A]\naccept\n"])
def test_what_stunnel_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(errors.MalformedError):
        configuration.parse(text.encode())


def kept(directory: Path, text: str = FORMS["plain"]) -> Tunnelled:
    """A container in which people have set stunnel up."""
    asked = container().partition("[[container.mount]]")[0] + tunnel(peer_key="").rstrip("\n")
    scene = Tunnelled.make(directory, asked + "\nkept = true\n")
    inside = directory / "host/inside/113/etc/stunnel"
    (inside / "psk").mkdir(parents=True)
    (inside / "off.conf").write_text(text)
    (inside / "psk/redis-psk.txt").write_text("c:pwgenmadethis0123456789abcdefg\n")
    (inside / "psk/redis-psk.txt").chmod(0o600)
    scene.run()
    running = directory / "host/run/stunnel/113.json"
    running.parent.mkdir(exist_ok=True)
    running.write_text('{"/etc/stunnel/off.conf": ["10.1.0.113:6379"]}')
    return scene


def test_what_is_right_is_right_and_nothing_is_touched(tmp_path: Path) -> None:
    scene = kept(tmp_path)
    assert scene.left() == []
    assert not (tmp_path / "host/files/var/lib/offctl").exists()
    (seen,) = scene.simulated().observe(scene.desired).tunnels
    assert (seen.kept, seen.loaded, seen.ends[0].proof) == (True, True, "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("10.1.0.113:6379", "10.1.0.113:6380", "accepts at 10.1.0.113:6380"),
        ("client = yes", "client = no", "has client = no"),
        ("proxy2.example.org", "proxy9.example.org", "connects to proxy9.example.org:6379"),
        ("[Redis]", "[Other]", "[Redis] is not there"),
        ("PSKsecrets", "PSKidentity", "has no PSKsecrets"),
        ("[Redis]", "nonsense", "is not KEY = VALUE"),
    ],
)
def test_what_it_says_otherwise_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    (left,) = kept(tmp_path, FORMS["plain"].replace(old, new)).left()
    assert "stunnel 113:off: keep: kept as people made it" in left
    assert said in left


@pytest.mark.parametrize(("mode", "content"), [(0o644, "c:" + "k" * 32 + "\n"), (0o600, "key\n")])
def test_a_key_file_is_judged_and_not_read_out(tmp_path: Path, mode: int, content: str) -> None:
    scene = kept(tmp_path)
    path = tmp_path / "host/inside/113/etc/stunnel/psk/redis-psk.txt"
    path.write_text(content)
    path.chmod(mode)
    (left,) = scene.left()
    assert "redis-psk.txt has" in left
    assert "kkkk" not in left


def test_a_live_listener_that_is_not_as_written_is_told(tmp_path: Path) -> None:
    scene = kept(tmp_path)
    (tmp_path / "host/run/stunnel/113.json").write_text(
        '{"/etc/stunnel/off.conf": ["0.0.0.0:6379", "10.1.0.113:6379"]}'
    )
    (left,) = scene.left()
    assert "also listens at 0.0.0.0:6379" in left


def test_a_kept_client_end_open_to_everybody_is_refused_too(tmp_path: Path) -> None:
    scene = kept(tmp_path)
    end = replace(scene.desired.tunnels[0], accept="0.0.0.0:6379")
    scene.desired = replace(scene.desired, tunnels=(end,))
    (left,) = scene.left()
    assert "would let everybody in" in left
