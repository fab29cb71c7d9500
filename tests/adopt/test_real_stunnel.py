"""A real stunnel that people set up is found with what it says; its key is left where it is."""

from pathlib import Path
import subprocess
import sys

from tunnels import namespaces

INSIDE = Path(__file__).with_name("inside.py")


def test_a_stunnel_of_the_host_itself_is_found_and_no_key_is() -> None:
    namespaces.require()
    alone = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
    done = subprocess.run(
        [*alone, sys.executable, str(INSIDE)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "container=0, configuration='/etc/stunnel/off.conf'" in done.stdout
    assert "('Redis', (('client', 'yes'), ('accept', '127.0.0.1:16379')" in done.stdout
    assert "('Served', (('accept', '127.0.0.1:16390'), ('connect'" in done.stdout
    assert done.stdout.count("('PSKsecrets', 'yes')") == 2
    assert "psk.txt" not in done.stdout
    assert "pwgenmadethis" not in done.stdout
