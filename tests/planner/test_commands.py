"""The calls of actions, where their form decides what they do."""

import pytest

from offctl.planner import actions as act
from offctl.planner.commands import commands, quoted, shown


def test_mount_options_are_set_last() -> None:
    """Else `zfs set` would not mount again, and they would not be in effect."""
    pairs = (("atime", "off"), ("compression", "lz4"), ("exec", "off"), ("recordsize", "1M"))
    [call] = commands(act.SetProperties("tank/a", pairs))
    assert call[2:] == ("compression=lz4", "recordsize=1M", "atime=off", "exec=off", "tank/a")


@pytest.mark.parametrize(
    ("action", "shown_as"),
    [
        (
            act.MakeTunnelDirectory(103, "off"),
            ("mkdir /var/lib/offctl/tunnels/103/off",),
        ),
        (
            act.RenewTunnels("s", 103, "off", ()),
            (
                "write /var/lib/offctl/tunnels/103/off: off.conf, its unit and one key file a "
                "section",
                "pct exec 103 -- systemctl start or reload stunnel@off.service, if it differs",
            ),
        ),
        (
            act.SetIdmap(113, (), ("u 0 0 1",)),
            ("edit /etc/pve/lxc/113.conf: lxc.idmap = none",),
        ),
    ],
)
def test_what_is_no_command_is_said_in_words(action: act.Action, shown_as: tuple[str, ...]) -> None:
    assert shown(action) == shown_as
    assert commands(action) == ()


def test_a_word_is_quoted_as_a_shell_would_need_it() -> None:
    assert [quoted(word) for word in ("a/b=c", "", "a b", "it's")] == [
        "a/b=c",
        "''",
        "'a b'",
        "'it'\\''s'",
    ]
