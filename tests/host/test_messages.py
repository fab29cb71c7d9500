"""Only words tell what pct means: its exit status is the errno it happened to die with."""

from pathlib import Path

import pytest
import tomli

from offctl_agent.host import failures

SPOKEN = tomli.loads((Path(__file__).parent / "messages.toml").read_text())
CODES = [(code, said) for code, every in SPOKEN.items() if code != "hints" for said in every]
ARGV = ("pct", "set", "101", "--mp0", "/a,mp=/b")


@pytest.mark.parametrize(("code", "said"), CODES)
@pytest.mark.parametrize("status", [1, 2, 4, 25, 111, 255])
def test_the_code_follows_from_the_words(code: str, said: str, status: int) -> None:
    error = failures.failure("set container 101", ARGV, status, said + "\n")
    assert error.code == code
    assert str(error).startswith(f"cannot set container 101: pct set 101 exited with {status}: ")


@pytest.mark.parametrize(("said", "hint"), SPOKEN["hints"].items())
def test_the_hint_says_what_to_do(said: str, hint: str) -> None:
    assert failures.failure("start container 101", ARGV, 255, said).hint.startswith(hint)
