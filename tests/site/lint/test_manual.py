from pathlib import Path
import re

from offctl_cli.site import load, model

MANUAL = (Path(__file__).parents[3] / "docs" / "site.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)


def test_the_examples_of_the_manual_are_one_clean_site(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("\n".join(BLOCKS))
    compiled = load.compile_site(tmp_path)
    assert [str(each) for each in compiled.findings] == []
    assert [state.host for state in compiled.states] == ["off1", "off2", "ovh1"]


def test_the_manual_has_an_example_of_every_table(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("\n".join(BLOCKS))
    site = load.read_site(tmp_path)
    words = [word for word in model.Tables.__dataclass_fields__ if word != "include"]
    assert [word for word in words if not getattr(site, word)] == []


def test_the_finding_that_the_manual_shows_is_a_real_one(tmp_path: Path) -> None:
    more = (
        '\n[containers.web]\nuse = "product-opener"\nid = 113\nnetworks.eth0.ip = "10.1.0.9/24"\n'
    )
    (tmp_path / "site.toml").write_text("\n".join(BLOCKS) + more)
    [found] = load.compile_site(tmp_path).findings
    assert f"error[{found.code}]: {found.text}\n        hint: {found.hint}\n" in MANUAL
