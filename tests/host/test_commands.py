"""The calls of actions, where their form decides what they do."""

from offctl.planner import actions as act
from offctl.planner.commands import commands


def test_mount_options_are_set_last() -> None:
    """Else `zfs set` would not mount again, and they would not be in effect."""
    pairs = (("atime", "off"), ("compression", "lz4"), ("exec", "off"), ("recordsize", "1M"))
    [call] = commands(act.SetProperties("tank/a", pairs))
    assert call[2:] == ("compression=lz4", "recordsize=1M", "atime=off", "exec=off", "tank/a")
