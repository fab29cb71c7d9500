"""`offctl explain`: every property of the example comes from somewhere, and that is said right."""

import json
from pathlib import Path
import re
from typing import Any

from click.testing import CliRunner
import pytest
import tomli

from offctl.desired import facts
from offctl_cli import __main__, pointing
from offctl_cli.provenance import DEFAULT, RULES, WRITTEN, Provenance
from offctl_cli.site import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "openfoodfacts"
with (Path(__file__).parent / "explained" / "example.toml").open("rb") as file:
    CASES: list[dict[str, Any]] = tomli.load(file)["case"]
WORDS = {"written": WRITTEN, "default": DEFAULT, **RULES}


def explain(*words: str) -> tuple[int, str, str]:
    """Without a coordinator: what the text alone can explain."""
    runner = CliRunner(mix_stderr=False)
    result = runner.invoke(
        __main__.offctl_command,
        ["explain", *words, "--site", str(EXAMPLE)],
        env={"OFFCTL_CONFIG": "/nonexistent/config.toml"},
        standalone_mode=False,
    )
    code = result.exit_code if result.exception is not None else result.return_value or 0
    return code, result.stdout, result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["at"] or "nothing")
def test_the_example_is_explained(case: dict[str, Any]) -> None:
    code, said, complained = explain(case["at"], "--json")
    if "error" in case:
        assert code == 1
        assert case["error"] in complained
        assert case.get("hint", "") in complained
        return
    assert code == 0, complained
    (found,) = json.loads(said)["properties"]
    assert found["rule"] == WORDS[case["rule"]]
    assert found["desired"] == case.get("desired", found["desired"])
    assert [text.partition(": ")[2] for text in found["written"]] == case.get(
        "written", [text.partition(": ")[2] for text in found["written"]]
    )


def test_every_property_of_every_resource_has_a_place_and_a_rule() -> None:
    compiled = load.compile_site(EXAMPLE)
    origins = Provenance(load.read_site(EXAMPLE), compiled)
    asked = 0
    for state in compiled.states:
        known = facts.facts(state)
        for address, resource in pointing.addresses(state):
            assert pointing.find(f"{state.host}/{address}", compiled.states).resource == resource
            for name in known[resource]:
                source = origins.of(state.host, resource, name)
                assert source.origins, (address, name)
                assert source.rule in WORDS.values()
                for origin in source.origins:
                    path, _, line = origin.place.rpartition(":")
                    written = Path(path).read_text().splitlines()[int(line) - 1]
                    last = re.split(r"[.\[\"]", origin.key.rstrip('"]'))[-1]
                    assert last in written or last.isdecimal(), (origin, written)
                asked += 1
    assert asked > 1500


def test_without_a_coordinator_the_text_is_explained_all_the_same() -> None:
    code, said, _ = explain("off2/containers/off/cores")
    assert code == 0
    assert said.startswith("container 113 off on off2\n  how it is there is not known: cannot ")
    assert "  cores = 8\n      written     " in said
