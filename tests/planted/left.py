"""Keys that are left in files; test_canary.py sees that each is found, wherever it is."""

import base64
import os
from pathlib import Path
import sys

from offctl.tunnelkeys import PreSharedKey

KEY = PreSharedKey(bytes(range(0x51, 0x71)).hex()).reveal()
# Made by a program of its own: known only from where stunnel reads it.
ELSEWHERE = bytes(range(0x31, 0x51)).hex()


def test_plain(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(f'{{"psk": "{KEY}"}}')
    (tmp_path / "harmless").write_text("f" * 64)


def test_enveloped(tmp_path: Path) -> None:
    inner = base64.b64encode(f"...{KEY}".encode())
    (tmp_path / "enveloped.json").write_bytes(base64.b64encode(b"{'payload': " + inner + b"}"))


def test_behind_a_hole(tmp_path: Path) -> None:
    with (tmp_path / "sparse.img").open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)
        os.pwrite(file.fileno(), KEY.encode(), 1 << 39)


def test_from_afar(tmp_path: Path) -> None:
    (tmp_path / "psk").mkdir()
    (tmp_path / "psk/allowed.txt").write_text(f"c-g1:{ELSEWHERE}\n")
    (tmp_path / "fromafar.log").write_text(f"using {ELSEWHERE}")
    sys.stdout.write("nothing here")
