import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
import jsonschema
import pytest
import tomli

from offctl_cli.commands import schema as command
from offctl_cli.site import schema
from offctl_cli.site.tables.containers import Container
from offctl_cli.site.tables.tunnels import Tunnel
from sitecases import CASES, Case, label

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "site.md"
EXAMPLE = sorted((ROOT / "examples" / "openfoodfacts").rglob("*.toml"))

TYPED = {"unknown-key", "wrong-type", "out-of-range", "bad-value", "bad-name", "listed-twice"}
# Rules about text that no JSON Schema can say (an address, a path's parts): the reader has them.
BEYOND_A_SCHEMA = {
    "bad-value/bad-dataset-end",
    "bad-value/bad-dataset-option",
    "bad-value/bad-dataset-snapshot",
    "bad-value/bad-prefix-length",
}

# JSON Schema counts 110.0 among the integers; TOML and the reader do not.
BEYOND_A_SCHEMA |= {"wrong-type/bad-id-decimal"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(run())
    return printed


@pytest.fixture(scope="module")
def validator(document: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(document)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command.command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def read(path: Path) -> dict[str, Any]:
    """As JSON has it: a time is a text there."""
    read: dict[str, Any] = json.loads(json.dumps(tomli.loads(path.read_text()), default=str))
    return read


def test_the_schema_is_one(document: dict[str, Any]) -> None:
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(document)


@pytest.mark.parametrize("path", EXAMPLE, ids=lambda path: path.name)
def test_every_file_of_the_example_validates(
    path: Path, validator: jsonschema.Draft202012Validator
) -> None:
    assert [each.message for each in validator.iter_errors(read(path))] == []


@pytest.mark.parametrize("case", [each for each in CASES if each.is_good], ids=label)
def test_every_good_case_validates(case: Case, validator: jsonschema.Draft202012Validator) -> None:
    assert [each.message for each in validator.iter_errors(read(case.path))] == []


@pytest.mark.parametrize(
    "case",
    [
        each
        for each in CASES
        if each.code in TYPED and not each.is_good and label(each) not in BEYOND_A_SCHEMA
    ],
    ids=label,
)
def test_every_case_of_a_wrong_value_is_refused(
    case: Case, validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(read(case.path))


def test_what_is_beyond_a_schema_is_a_case() -> None:
    assert {label(each) for each in CASES} >= BEYOND_A_SCHEMA


def tables_of(node: object) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for each in node for found in tables_of(each)]
    if not isinstance(node, dict):
        return []
    below = [
        found for word, each in node.items() if word != "examples" for found in tables_of(each)
    ]
    return [node, *below] if node.get("type") == "object" and "properties" in node else below


def test_no_table_takes_what_it_does_not_know(document: dict[str, Any]) -> None:
    found = tables_of(document)
    assert len(found) > 30
    assert all(table["additionalProperties"] is False for table in found)


def test_every_key_has_a_sentence_and_an_example_that_fits(document: dict[str, Any]) -> None:
    for table in tables_of(document)[1:]:  # those of the whole are cut to one line
        for name, key in table["properties"].items():
            assert key["description"].endswith("."), name
            for example in key["examples"]:
                jsonschema.validate(example, key, jsonschema.Draft202012Validator)


def test_every_top_level_table_has_a_title(document: dict[str, Any]) -> None:
    assert document["properties"]["tunnels"]["title"] == "[tunnels.*]"
    assert all(each["title"] for each in document["properties"].values())


def test_tables_are_found_by_their_header() -> None:
    found = schema.tables()
    assert found["containers.*"] is Container
    assert found["tunnels.*"] is Tunnel


def test_the_manual_lists_the_keys_as_the_model_has_them() -> None:
    # Renew with: offctl schema --markdown docs/site.md > new && mv new docs/site.md
    assert run("--markdown", str(MANUAL)) == MANUAL.read_text()


def test_the_manual_lists_every_table() -> None:
    assert set(schema.documented(MANUAL.read_text())) == set(schema.tables()) - {"profiles.*"}


def test_a_table_that_is_not_in_the_model_is_noticed() -> None:
    with pytest.raises(KeyError):
        schema.renewed("<!-- keys: nothing -->\n<!-- end -->\n")
