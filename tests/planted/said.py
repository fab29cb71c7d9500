"""Each of these tests lets a key out by another way; test_canary.py sees that all fail."""

import base64
import contextlib
import logging
from pathlib import Path
import subprocess
import sys
import tempfile

import click
from click.testing import CliRunner
import pytest

from offctl.errors import HostError
from offctl.tunnelkeys import PreSharedKey
from offctl_agent.host import run

# A key that is turned around in the arguments, said as it is.
SAY = "import sys, time; print({!r}[::-1], file=sys.{}, flush=True); time.sleep({})"
KEY = PreSharedKey(bytes(range(0x51, 0x71)).hex()).reveal()


def test_nothing_gets_out() -> None:
    click.echo("0" * 64 + KEY[:-1])


def test_printed() -> None:
    click.echo(f"the key is {KEY}.")


def test_printed_in_capitals() -> None:
    click.echo(KEY.upper())


def test_printed_among_more_digits() -> None:
    click.echo(f"abc{KEY}def")


def test_printed_in_base64() -> None:
    click.echo(base64.b64encode(bytes.fromhex(KEY)).decode())


def test_printed_in_an_envelope() -> None:
    click.echo(base64.b64encode(f"this = 'that'\npsk = '{KEY}'\n".encode()).decode())


def test_printed_and_read_by_the_test(capsys: pytest.CaptureFixture[str]) -> None:
    click.echo(KEY)
    capsys.readouterr()


def test_logged() -> None:
    logging.getLogger("anything").error("the key is %s", KEY)


def test_raised() -> None:
    raise HostError(f"cannot use {KEY}")


def test_raised_and_caught() -> None:
    with contextlib.suppress(HostError):
        raise HostError("cannot use it", hint=KEY)


def test_shown_by_an_assertion() -> None:
    assert KEY == ""


def test_an_argument() -> None:
    subprocess.run(["/bin/true", KEY], check=True)


def test_an_environment() -> None:
    subprocess.run(["/bin/true"], env={"KEY": KEY}, check=True)


def test_printed_by_a_program() -> None:
    turned = f"print({KEY[::-1]!r}[::-1])"
    subprocess.run([sys.executable, "-c", turned], capture_output=True, check=True)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_printed_to_the_agent(stream: str) -> None:
    run.run([sys.executable, "-c", SAY.format(KEY[::-1], stream, 0)], timeout=60, path="")


def test_printed_to_the_agent_by_what_is_stopped() -> None:
    said = SAY.format(KEY[::-1], "stderr", 60)
    with contextlib.suppress(HostError):
        run.run([sys.executable, "-c", said], timeout=2, path="", grace=10)


def test_printed_by_a_command() -> None:
    CliRunner().invoke(click.Command("say", callback=lambda: click.echo(KEY)))


def test_raised_by_a_command() -> None:
    def fail() -> None:
        raise ValueError(KEY)

    CliRunner().invoke(click.Command("fail", callback=fail))


def test_in_a_directory_that_is_gone() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "log").write_text(KEY)
