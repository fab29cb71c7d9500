"""PVE's property strings: what is read, what is refused, what is written."""

import pytest

from offctl import propertystring
from offctl.errors import MalformedError


@pytest.mark.parametrize(
    ("text", "bare", "parts"),
    [
        ("/a,mp=/m", "volume", {"volume": "/a", "mp": "/m"}),
        ("volume=/a,mp=/m=x", "volume", {"volume": "/a", "mp": "/m=x"}),
        ("name=eth0", "", {"name": "eth0"}),
        ("3,up=30", "order", {"order": "3", "up": "30"}),
        ("a=", "", {"a": ""}),
    ],
)
def test_read(text: str, bare: str, parts: dict[str, str]) -> None:
    assert propertystring.parse(text, bare=bare) == parts


@pytest.mark.parametrize(
    ("text", "bare"),
    [("nesting", ""), ("", ""), ("a=1,a=2", ""), ("/a,/b", "volume"), ("=x", ""), ("a=1,,b=2", "")],
)
def test_refused(text: str, bare: str) -> None:
    with pytest.raises(MalformedError, match="PVE could not parse it either"):
        propertystring.parse(text, bare=bare)


def test_written_as_pve_writes_it() -> None:
    parts = {"volume": "/a", "ro": "1", "mp": "/m", "acl": "0"}
    assert propertystring.join(parts, bare="volume", first=("mp",)) == "/a,mp=/m,acl=0,ro=1"
    assert propertystring.join({"b": "1", "a": "2"}) == "a=2,b=1"
