"""Nothing gets out; test_canary.py sees that this is said, and how much was looked through."""

from pathlib import Path

from offctl.tunnelkeys import PreSharedKey


def test_much_is_said_and_no_key(tmp_path: Path) -> None:
    PreSharedKey(bytes(range(0x51, 0x71)).hex())
    (tmp_path / "log").write_bytes(b"x" * 1_000_000)
