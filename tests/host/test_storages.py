"""storage.cfg as PVE writes it and as people do."""

from typing import Any

import pytest

from host import cases
from offctl.errors import MalformedError
from offctl_agent.host import storages

CASES = cases.load(__file__, "storages.toml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_storages(case: dict[str, Any]) -> None:
    content = case["input"].encode("latin-1" if case.get("latin") else "utf-8")
    if "refused" in case:
        with pytest.raises(MalformedError, match=case["refused"]):
            storages.parse(content)
        return
    found = {
        name: [storage.kind, storage.where, sorted(storage.contents)]
        for name, storage in storages.parse(content).items()
    }
    assert found == case.get("storages", {})
