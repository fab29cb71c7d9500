"""From one trust root to the next, as two operators with their own keys do it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path

import click.testing
import pytest

from offctl import certificates, errors
from offctl.trust import root, rotation
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl_cli import __main__


@dataclass
class Desk:
    """A directory with a trust root of three keys, two of which must sign."""

    directory: Path
    secrets: dict[str, SecretKey]

    def file(self, name: str) -> Path:
        return self.directory / name

    def run(self, *words: object) -> str:
        runner = click.testing.CliRunner(mix_stderr=False)
        result = runner.invoke(__main__.offctl_command, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def rotate(self, *more: object, key: str = "desk", output: str = "2.json") -> str:
        pem = self.file(f"{key}.pem")
        trust = self.file("trust.toml")
        return self.run("trust", "rotate", trust, "-o", self.file(output), "--key", pem, *more)

    def append(self, key: str, file: str = "2.json") -> str:
        return self.run("sign", "--append", self.file(file), "--key", self.file(f"{key}.pem"))

    def verify(self, *files: str, more: tuple[object, ...] = ()) -> str:
        paths = [self.file(name) for name in files]
        return self.run("trust", "verify", self.file("trust.toml"), *paths, *more)

    def line(self, name: str) -> str:
        return f"{name}={self.secrets[name].public.text}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    names = ("desk", "spare", "vault", "next", "clock")
    desk = Desk(tmp_path, {name: SecretKey.generate() for name in names})
    for name, key in desk.secrets.items():
        (tmp_path / f"{name}.pem").write_bytes(key.to_pem())
        (tmp_path / f"{name}.crt").write_text(certificates.generate(name)[0])
    made = TrustRoot(
        version=1,
        site="off",
        expires=datetime.now(UTC).replace(microsecond=0) + timedelta(days=9),
        release_keys=tuple((n, desk.secrets[n].public) for n in names[:3]),
        threshold=2,
        timestamp_key=desk.secrets["clock"].public,
        coordinators=(("main", (tmp_path / "clock.crt").read_text()),),
        operators=(("desk", (tmp_path / "desk.crt").read_text()),),
    )
    (tmp_path / "trust.toml").write_bytes(root.dump(made))
    yield desk
    assert root.parse((tmp_path / "trust.toml").read_bytes()) == made, "nothing changes it in place"


def test_two_of_three_sign_with_separate_files(desk: Desk) -> None:
    said = desk.rotate("--remove", "release-key/desk", "--release-key", desk.line("next"))
    assert "trust root 2 of site off" in said
    assert f"- release key desk: {desk.secrets['desk'].public.text}" in said
    assert f"+ release key next: {desk.secrets['next'].public.text}" in said
    assert "1 more of the keys in force now must sign: spare, vault" in said
    assert "2 more of the keys its own must sign: next, spare, vault" in said
    with pytest.raises(errors.RefusedError, match="1 more of the keys in force now") as short:
        desk.verify("2.json")
    assert short.value.code == "SIG_INVALID"
    assert "trust root 2 of site off" in desk.append("spare")
    with pytest.raises(errors.RefusedError, match="1 more of the keys its own must sign"):
        desk.verify("2.json")
    assert desk.append("vault").count("signed by keyid") == 3
    assert "2.json: trust root 2 follows 1" in desk.verify("2.json")


def test_what_is_not_named_stays(desk: Desk) -> None:
    desk.rotate("--operator", f"vault={desk.file('vault.crt')}")
    desk.append("spare")
    desk.verify("2.json", more=("-o", desk.file("two.toml")))
    old = root.parse(desk.file("trust.toml").read_bytes())
    new = root.parse(desk.file("two.toml").read_bytes())
    assert new.version == 2
    assert (new.release_keys, new.threshold) == (old.release_keys, old.threshold)
    assert (new.timestamp_key, new.coordinators) == (old.timestamp_key, old.coordinators)
    assert [name for name, _ in new.operators] == ["desk", "vault"]
    assert new.expires > old.expires + timedelta(days=300)
    assert "+ operator vault" in desk.verify("2.json")
    shown = json.loads(desk.run("trust", "show", "--json", desk.file("2.json")))
    assert shown["version"] == 2


def test_a_chain_is_followed_in_order(desk: Desk) -> None:
    desk.rotate("--threshold", 1)
    desk.append("spare")
    desk.verify("2.json", more=("-o", desk.file("two.toml")))
    pem = desk.file("desk.pem")
    desk.run("trust", "rotate", desk.file("two.toml"), "-o", desk.file("3.json"), "--key", pem)
    assert "trust root 3 follows 2" in desk.verify("2.json", "3.json")
    desk.append("spare", "3.json")
    with pytest.raises(errors.RefusedError) as skipped:
        desk.verify("3.json")
    assert skipped.value.code == "SKIPPED"
    with pytest.raises(errors.RefusedError) as again:
        desk.verify("2.json", "2.json")
    assert again.value.code == "ROLLBACK"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--remove", "desk"), "does not begin with"),
        (("--remove", "operator/nobody"), "there is none of that name"),
        (("--remove", "release-key/desk", "--remove", "release-key/vault"), "threshold is 2"),
        (("--threshold", "0"), "threshold is 0"),
        (("--threshold", "4"), "threshold is 4"),
        (("--release-key", "next"), "no NAME="),
        (("--release-key", "next=ed25519:AAAA"), "3 bytes"),
        (("--operator", "x=/nowhere"), "no such file"),
        (("--timestamp-key", "x"), "must start with"),
    ],
)
def test_a_successor_that_makes_no_sense_is_not_written(
    desk: Desk, more: tuple[str, ...], words: str
) -> None:
    with pytest.raises(errors.OffctlError, match=words):
        desk.rotate(*more)
    assert not desk.file("2.json").exists()


def test_a_key_for_two_purposes_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.MalformedError, match="releases and timestamps"):
        desk.rotate("--release-key", desk.line("clock"))


def test_a_strangers_signature_is_kept_and_does_not_count(desk: Desk) -> None:
    desk.rotate()
    desk.append("next")
    with pytest.raises(errors.RefusedError, match="1 more of the keys in force"):
        desk.verify("2.json")


def test_nothing_is_overwritten(desk: Desk) -> None:
    desk.rotate()
    before = desk.file("2.json").read_bytes()
    with pytest.raises(errors.AdminError, match="exists"):
        desk.rotate()
    assert desk.file("2.json").read_bytes() == before


def test_an_expired_successor_is_told(desk: Desk) -> None:
    old = root.parse(desk.file("trust.toml").read_bytes())
    over = replace(old, version=2, expires=datetime.now(UTC).replace(microsecond=0))
    keys = [desk.secrets["desk"], desk.secrets["spare"]]
    desk.file("2.json").write_bytes(rotation.sign(over, keys))
    with pytest.raises(errors.RefusedError) as expired:
        desk.verify("2.json", more=("-o", desk.file("two.toml")))
    assert expired.value.code == "TRUST_EXPIRED"
    assert not desk.file("two.toml").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\0" * 99, b'{"payloadType": 1}'])
def test_a_file_that_is_neither_is_refused(desk: Desk, content: bytes) -> None:
    desk.file("2.json").write_bytes(content)
    with pytest.raises((errors.MalformedError, errors.RefusedError)):
        desk.verify("2.json")
