"""Every vector gets exactly the verdict that its header names."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
import zlib

import pytest
import tomli

from offctl import errors
from offctl.trust import accept, base64text, release, root, rotation
from offctl.trust.keys import PublicKey, SecretKey
from offctl.trust.refusal import Refusal
from trust import make_vectors, material

FILES = sorted(material.VECTORS.glob("*.toml"))


# What an attacker writes must not flood a report.
MAX_TEXT = 1000


def read(file: Path) -> dict[str, Any]:
    values = tomli.loads(file.read_text())
    for key in ("content", "envelope"):
        values[key] = unpacked(values[key])
    return values


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64text.decode(text, "a vector")) if text else b""


def judge(case: dict[str, Any]) -> str:
    """The code of the refusal, or "ok" with what else there is to say."""
    try:
        return "ok" + _judge(case)
    except (errors.RefusedError, errors.MalformedError) as error:
        return error.code if len(str(error)) < MAX_TEXT else "an endless text"


def _judge(case: dict[str, Any]) -> str:
    content, kind = case["content"], case["kind"]
    if kind == "public-key":
        PublicKey.parse(content.decode())
    elif kind == "secret-key":
        SecretKey.from_pem(content)
    elif kind == "root":
        root.parse(content)
    elif kind == "release":
        release.parse(content)
    elif kind == "rotation":
        trusted = root.parse(case["root"].encode())
        return f" {rotation.follow(rotation.parse_chain(content), trusted).root.version}"
    else:
        _judge_signed(kind, case, root.parse(case["root"].encode()), case["now"])
    return ""


def _judge_signed(kind: str, case: dict[str, Any], trusted: root.TrustRoot, now: datetime) -> None:
    floor = accept.Floor(case["floor"]["serial"], case["floor"]["sha256"])
    if kind == "timestamp":
        accept.timestamp(case["content"], trusted, now=now)
    elif kind == "manifest":
        accept.manifest(case["content"], trusted, floor=floor, now=now, kept=case["kept"])
    else:
        assert kind == "bundle"
        accepted = accept.manifest(case["envelope"], trusted, floor=floor, now=now)
        accept.bundle(accepted, host=case["host"], content=case["content"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_verdict(file: Path) -> None:
    case = read(file)
    assert judge(case) == case["expect"], case["about"]


def test_files_are_what_the_program_makes() -> None:
    made = {f"{vector.name}.toml": vector for vector in make_vectors.all_vectors()}
    assert sorted(made) == [file.name for file in FILES]
    for file in FILES:
        # Compared unpacked: another zlib may deflate differently.
        fresh = tomli.loads(made[file.name].dump().decode())
        for key in ("content", "envelope"):
            fresh[key] = unpacked(fresh[key])
        assert read(file) == fresh, file.name


def test_every_code_is_refused_somewhere_and_refusals_outnumber() -> None:
    seen = Counter(tomli.loads(file.read_text())["expect"].split()[0] for file in FILES)
    assert set(seen) == {"ok", *(code.value for code in Refusal)}
    assert seen.total() - seen["ok"] >= 60
