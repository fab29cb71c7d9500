"""Making keys, identities and trust roots, and signing, through the commands an operator types."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
import stat
import types

import click.testing
import pytest

from offctl import certificates, errors
from offctl.desired.model import Dataset, DesiredState, Identity, Mode
from offctl.trust import accept, release, root
from offctl.trust.keys import PublicKey, SecretKey
from offctl_cli import __main__, signing
from offctl_cli.site import finding
from offctl_cli.site.finding import Finding, Place

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Compiled:
    """As much of a compiled site as signing looks at."""

    states: tuple[DesiredState, ...]
    site_name: str = "off"
    findings: tuple[Finding, ...] = ()


@dataclass
class Desk:
    """An operator's directory, and the command line in it."""

    directory: Path
    compiled: Compiled

    def run(self, *words: object) -> str:
        """Standard output of one command; raises what the program would show."""
        result = self.result(*words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def result(self, *words: object) -> click.testing.Result:
        runner = click.testing.CliRunner(mix_stderr=False)
        return runner.invoke(__main__.offctl_command, [str(word) for word in words])

    def key(self, name: str) -> tuple[Path, str]:
        file = self.directory / f"{name}.pem"
        return file, self.run("key", "new", file).strip()

    def sign(self, output: str, *more: object) -> str:
        return self.run("sign", "site", "-o", self.directory / output, *more)

    def read(self, name: str) -> signing.Unverified:
        return signing.read((self.directory / name).read_bytes())


def state(host: str) -> DesiredState:
    identity = Identity(certificates.generate(host)[0], certificates.generate_tunnel_key()[0])
    return DesiredState("off", host, Mode.ENFORCE, identity)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path, Compiled((state("off1"), state("off2"))))
    loader = types.SimpleNamespace(compile_site=lambda _: made.compiled)
    monkeypatch.setattr("offctl_cli.site.load", loader, raising=False)
    return made


@pytest.fixture
def open_umask() -> Iterator[None]:
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.mark.usefixtures("open_umask")
def test_a_new_key_is_private_and_shown_again(desk: Desk) -> None:
    file, line = desk.key("desk")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert desk.run("key", "public", file).strip() == line
    assert PublicKey.parse(line) == SecretKey.from_pem(file.read_bytes()).public
    shown = desk.result("key", "public", file)
    assert "PRIVATE" not in shown.stdout + shown.stderr


def test_a_key_is_never_overwritten(desk: Desk) -> None:
    file, _ = desk.key("desk")
    before = file.read_bytes()
    with pytest.raises(errors.AdminError, match="exists"):
        desk.run("key", "new", file)
    assert file.read_bytes() == before


def test_what_is_no_key_is_refused_without_showing_it(desk: Desk) -> None:
    file = desk.directory / "file"
    file.write_text("a secret of another kind")
    for name in (file, desk.directory / "missing", desk.directory):
        with pytest.raises(errors.OffctlError) as caught:
            desk.run("key", "public", name)
        assert "another kind" not in str(caught.value)


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("where", ["", "mine"])
def test_a_new_identity_fits_into_the_trust_root(desk: Desk, where: str) -> None:
    lines = desk.run("identity", "new", desk.directory / where, "desk")
    prefix = desk.directory / (where or "desk")
    certificate, key = prefix.with_suffix(".crt"), prefix.with_suffix(".key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert lines.startswith("[operators.desk]\n")
    assert certificate.read_text() in lines
    assert certificates.check(certificate.read_bytes())
    assert "PRIVATE" not in lines


@pytest.mark.parametrize("taken", ["desk.crt", "desk.key"])
def test_no_half_of_an_identity_is_left(desk: Desk, taken: str) -> None:
    (desk.directory / taken).write_text("mine")
    with pytest.raises(errors.AdminError, match="exists"):
        desk.run("identity", "new", desk.directory, "desk")
    assert [f.name for f in desk.directory.iterdir()] == [taken]
    assert (desk.directory / taken).read_text() == "mine"


def test_an_identity_has_a_plain_name(desk: Desk) -> None:
    for name in ("../desk", "", "a b", "-x"):
        with pytest.raises(errors.MalformedError):
            desk.run("identity", "new", "--", desk.directory, name)
    assert list(desk.directory.iterdir()) == []


def trust(desk: Desk, *more: str) -> Path:
    """A trust root of two release keys, made by the command."""
    lines = {name: desk.key(name)[1] for name in ("desk", "spare", "clock")}
    (desk.directory / "main.crt").write_text(certificates.generate("main")[0])
    desk.run("identity", "new", desk.directory, "vault")
    file = desk.directory / "trust.toml"
    desk.run(
        *("trust", "new", "-o", file, "--site", "off", "--timestamp-key", lines["clock"]),
        *("--release-key", f"desk={lines['desk']}", "--release-key", f"spare={lines['spare']}"),
        *("--coordinator", f"main={desk.directory / 'main.crt'}"),
        *("--operator", f"vault={desk.directory / 'vault.crt'}", *more),
    )
    return file


def test_a_trust_root_is_written_and_shown(desk: Desk) -> None:
    file = trust(desk, "--threshold", "2")
    made = root.parse(file.read_bytes())
    text = desk.run("trust", "show", file)
    values = json.loads(desk.run("trust", "show", file, "--json"))
    assert "2 of these 2 keys" in text
    assert made.timestamp_key.keyid in text
    assert values["threshold"] == 2
    assert [key["name"] for key in values["release_keys"]] == ["desk", "spare"]
    assert values["operators"][0]["fingerprint"] in text
    assert timedelta(days=364) < made.expires - datetime.now(UTC) <= timedelta(days=365)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--threshold", "3"), "threshold is 3, not between 1 and 2"),
        (("--threshold", "0"), "threshold is 0"),
        (("--site", "../off"), "site name"),
        (("--release-key", "dave"), "no NAME="),
        (("--release-key", "dave=ed25519:AAAA"), "3 bytes"),
        (("--operator", "dave=/nowhere"), "no such file"),
        (("--timestamp-key", "x"), "must start with"),
    ],
)
def test_a_wrong_trust_root_is_not_written(desk: Desk, more: tuple[str, ...], words: str) -> None:
    with pytest.raises(errors.OffctlError, match=words):
        trust(desk, *more)
    assert not (desk.directory / "trust.toml").exists()


def test_a_signed_site_is_what_its_hosts_accept(desk: Desk) -> None:
    file = trust(desk)
    shown = desk.sign("r.json", "--key", desk.directory / "desk.pem")
    assert "release 1 of site off" in shown
    assert "off1, off2" in shown
    signed = release.parse((desk.directory / "r.json").read_bytes())
    trusted, now = root.parse(file.read_bytes()), datetime.now(UTC)
    accepted = accept.manifest(signed.envelope, trusted, floor=accept.Floor(), now=now)
    for expected in desk.compiled.states:
        content = signed.bundle(expected.host)
        assert content is not None
        assert accept.bundle(accepted, host=expected.host, content=content) == expected
        entry = accepted.manifest.entry(expected.host)
        assert entry is not None
        assert expected.identity is not None
        assert entry.identity == certificates.fingerprint(expected.identity.certificate)


def test_serials_grow_by_themselves(desk: Desk) -> None:
    key = ("--key", desk.key("desk")[0])
    desk.sign("r.json", *key)
    desk.sign("r.json", *key)
    assert desk.read("r.json").manifest.serial == 2
    desk.sign("s.json", *key, "--previous", desk.directory / "r.json")
    assert desk.read("s.json").manifest.serial == 3
    desk.sign("s.json", *key, "--serial", 40)
    assert desk.read("s.json").manifest.serial == 40
    with pytest.raises(errors.AuthorError, match="with serial 40: the previous release has 40"):
        desk.sign("s.json", *key, "--serial", 40)
    desk.compiled = Compiled((DesiredState("staging", "off1", Mode.AUDIT),), "staging")
    with pytest.raises(errors.AuthorError, match="of site 'off'"):
        desk.sign("s.json", *key)
    assert desk.read("s.json").manifest.serial == 40


def test_a_site_with_errors_is_not_signed(desk: Desk) -> None:
    key = desk.key("desk")[0]
    wrong = finding.error("mount-target", Place("site.toml", 7), "two mounts\x1b[2J on one target")
    mild = finding.warning("no-protection", Place("site.toml", 9), "not protected")
    desk.compiled = replace(desk.compiled, findings=(wrong, mild))
    result = desk.result("sign", "site", "-o", desk.directory / "r.json", "--key", key)
    assert isinstance(result.exception, errors.AuthorError)
    assert "1 error" in str(result.exception)
    assert "site.toml:7: error[mount-target]: two mounts\\x1b[2J" in result.stderr
    assert not (desk.directory / "r.json").exists()
    desk.compiled = replace(desk.compiled, findings=(mild,))
    desk.sign("r.json", "--key", key)
    assert desk.read("r.json").manifest.serial == 1


def test_a_second_signature_reaches_the_threshold(desk: Desk) -> None:
    trusted = root.parse(trust(desk, "--threshold", "2").read_bytes())
    first, second = (desk.directory / f"{name}.pem" for name in ("desk", "spare"))
    file = desk.directory / "r.json"

    def verdict() -> str:
        envelope, now = release.parse(file.read_bytes()).envelope, datetime.now(UTC)
        try:
            accept.manifest(envelope, trusted, floor=accept.Floor(), now=now)
        except errors.RefusedError as error:
            return error.code
        return "ok"

    desk.sign("r.json", "--key", first)
    assert verdict() == "SIG_INVALID"
    desk.run("sign", "--append", file, "--key", first)
    assert verdict() == "SIG_INVALID"
    shown = desk.run("sign", "site", "--append", file, "--key", second)
    assert verdict() == "ok"
    assert shown.count("signed by keyid") == 2


def test_a_second_person_signs_only_what_their_site_gives(desk: Desk) -> None:
    key = desk.key("desk")[0]
    desk.sign("r.json", "--key", key)
    before = (desk.directory / "r.json").read_bytes()
    first, second = desk.compiled.states
    for states in (
        (first,),
        (first, replace(second, pools=("rpool",))),
        (first, second, state("x")),
    ):
        desk.compiled = Compiled(states)
        with pytest.raises(errors.AuthorError, match="something else"):
            desk.run("sign", "site", "--append", desk.directory / "r.json", "--key", key)
    assert (desk.directory / "r.json").read_bytes() == before


def test_a_release_with_foreign_bundles_is_not_signed(desk: Desk) -> None:
    key = desk.key("desk")[0]
    desk.sign("r.json", "--key", key)
    file = desk.directory / "r.json"
    values = json.loads(file.read_bytes())
    edits: tuple[Callable[[], object], ...] = (
        lambda: values["bundles"].update(off1="x = 1\n"),
        lambda: values["bundles"].pop("off1"),
        lambda: values["envelope"].update(payloadType="application/other"),
    )
    for edit in edits:
        edit()
        file.write_text(json.dumps(values))
        with pytest.raises(errors.MalformedError):
            desk.run("sign", "--append", file, "--key", key)


@pytest.mark.parametrize(
    "words", [(), ("--append", "x", "--serial", "1"), ("--append", "x", "--previous", "y")]
)
def test_orders_that_make_no_sense(desk: Desk, words: tuple[str, ...]) -> None:
    key = desk.key("desk")[0]
    with pytest.raises(errors.AuthorError):
        desk.run("sign", "site", "--key", key, *words)


def test_nothing_is_signed_that_no_host_would_accept() -> None:
    key = SecretKey.generate()
    times = {"serial": 1, "created": NOW, "expires": NOW + timedelta(days=1)}
    one = state("off1")
    assert one.identity is not None
    weak = "x25519:" + "A" * 43 + "="
    for states in (
        (),
        (one, replace(one, host="off2")),
        (replace(one, identity=replace(one.identity, tunnel_key=weak)),),
        (replace(one, identity=replace(one.identity, certificate="none")),),
    ):
        with pytest.raises(errors.MalformedError):
            signing.make_release(states, keys=[key], **times)  # type: ignore[arg-type]
    with pytest.raises(errors.MalformedError, match="twice"):
        signing.make_release((one,), keys=[key, key], **times)  # type: ignore[arg-type]


def test_a_bundle_that_would_read_back_differently_is_not_signed() -> None:
    unsorted = Dataset("tank/a", "a", "/a", properties=(("b", "1"), ("a", "1")))
    with pytest.raises(errors.InternalError, match="off1"):
        signing.make_release(
            (replace(state("off1"), datasets=(unsorted,)),),
            serial=1, created=NOW, expires=NOW + timedelta(days=1), keys=[SecretKey.generate()],
        )  # fmt: skip


def test_equal_sites_give_equal_releases() -> None:
    states = (state("off2"), state("off1"), replace(state("off3"), identity=None))
    key = SecretKey.generate()
    made = [
        signing.make_release(
            order, serial=1, created=NOW, expires=NOW + timedelta(days=1), keys=[key]
        )
        for order in (states, states[::-1])
    ]
    assert made[0].dump() == made[1].dump()
