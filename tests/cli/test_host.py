"""`offctl host add` and `revoke` on a copy of the example: one file each, or nothing at all."""

from pathlib import Path
import shutil

import click.testing
import pytest

from offctl import certificates, errors
from offctl_cli import __main__, identities
from offctl_cli.site import load

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "openfoodfacts"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site"))


def lines(name: str) -> str:
    certificate, _ = certificates.generate(name)
    key, _ = certificates.generate_tunnel_key()
    return (
        f'[hosts.{name}.identity]\ntunnel_key = "{key}"\n'
        f'certificate = """\n{certificate.strip()}\n"""\n# what init says besides\n'
    )


def run(site: Path, *words: str, given: str = "") -> str:
    runner = click.testing.CliRunner()
    arguments = ["host", *words, "--site", str(site)]
    result = runner.invoke(__main__.offctl_command, arguments, input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def tree(site: Path) -> dict[str, bytes]:
    return {str(p.relative_to(site)): p.read_bytes() for p in site.rglob("*") if p.is_file()}


def identity(site: Path, host: str) -> str:
    state = load.compile_site(site).state(host)
    assert state is not None
    return state.identity.certificate if state.identity else ""


def test_what_init_printed_is_put_in_from_a_pipe_or_a_file(site: Path, tmp_path: Path) -> None:
    first, second = lines("off1"), lines("off2")
    said = run(site, "add", "off1", given=first)
    assert certificates.fingerprint(identity(site, "off1")) in said
    (tmp_path / "lines").write_text(second)
    run(site, "add", "off2", str(tmp_path / "lines"))
    assert not any(e.severity.value == "error" for e in load.compile_site(site).findings)
    before = tree(site)
    assert "has these keys already" in run(site, "add", "off1", given=first)
    assert tree(site) == before


def test_other_keys_need_a_word(site: Path) -> None:
    run(site, "add", "off1", given=lines("off1"))
    old, before = identity(site, "off1"), tree(site)
    new = lines("off1")
    with pytest.raises(errors.AuthorError, match="it has other keys, at .*off1.toml:"):
        run(site, "add", "off1", given=new)
    assert tree(site) == before
    run(site, "add", "off1", "--replace", given=new)
    assert identity(site, "off1") not in ("", old)
    assert identity(site, "off1") in new


def test_revoking_removes_the_file(site: Path) -> None:
    before = tree(site)
    run(site, "add", "off1", given=lines("off1"))
    assert "shut out once a release" in run(site, "revoke", "off1")
    assert tree(site) == before
    with pytest.raises(errors.AuthorError, match="no identity"):
        run(site, "revoke", "off1")


def test_a_copied_disk_is_noticed(site: Path) -> None:
    first = lines("off1")
    run(site, "add", "off1", given=first)
    before = tree(site)
    with pytest.raises(errors.AuthorError, match="keys of host off1") as found:
        run(site, "add", "off2", given=first.replace("hosts.off1", "hosts.off2"))
    assert "disk copied" in found.value.hint
    assert tree(site) == before


def no_host(site: Path) -> tuple[str, str]:
    return "nowhere", lines("nowhere")


def of_another(site: Path) -> tuple[str, str]:
    return "off1", lines("off2")


def nothing(site: Path) -> tuple[str, str]:
    return "off1", ""


def rubbish(site: Path) -> tuple[str, str]:
    return "off1", "\0" * 99


def more_than_asked(site: Path) -> tuple[str, str]:
    return "off1", lines("off1") + '[hosts.off1]\nmode = "enforce"\n'


def a_secret(site: Path) -> tuple[str, str]:
    certificate, key = certificates.generate("off1")
    return "off1", lines("off1").replace("-----BEGIN CERT", key.decode() + "-----BEGIN CERT")


def a_weak_key(site: Path) -> tuple[str, str]:
    text = lines("off1").splitlines()
    return "off1", "\n".join([text[0], f'tunnel_key = "x25519:{"A" * 43}="', *text[2:]])


def an_authority(site: Path) -> tuple[str, str]:
    return "off1", lines("off1").replace("MII", "MIJ")


def bad_name(site: Path) -> tuple[str, str]:
    return "../off1", lines("off1")


def not_included(site: Path) -> tuple[str, str]:
    entry = site / "site.toml"
    entry.write_text(entry.read_text().replace('  "identities/*.toml",\n', ""))
    return "off1", lines("off1")


@pytest.mark.parametrize(
    "case",
    [no_host, of_another, nothing, rubbish, more_than_asked, a_secret, a_weak_key, an_authority,
     bad_name, not_included],
    ids=lambda case: case.__name__,
)  # fmt: skip
def test_a_refusal_leaves_the_site_as_it_was(site: Path, case: object) -> None:
    name, given = case(site)  # type: ignore[operator]
    before = tree(site)
    with pytest.raises(errors.OffctlError) as refused:
        run(site, "add", name, given=given)
    assert "PRIVATE" not in str(refused.value)
    assert tree(site) == before


@pytest.mark.parametrize("words", [("add", "off1", "--replace"), ("revoke", "off1")])
def test_an_identity_written_elsewhere_is_left_to_its_author(
    site: Path, words: tuple[str, ...]
) -> None:
    file = site / "hosts" / "free.toml"
    file.write_text(file.read_text() + "\n" + lines("off1"))
    before = tree(site)
    with pytest.raises(errors.AuthorError, match="is written at .*free.toml:") as refused:
        run(site, *words, given=lines("off1"))
    assert refused.value.hint == "edit it there"
    assert tree(site) == before


def test_input_is_bounded(site: Path) -> None:
    with pytest.raises(errors.MalformedError):
        run(site, "add", "off1", given=lines("off1") + "#" * identities.LIMIT)
