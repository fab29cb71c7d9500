"""Examples in the help of commands whose text has none, and what to know after Ctrl-C.

Every example is tried against the options of its command by a test.
"""

from collections.abc import Mapping

from offctl.program import Examples

EXAMPLES: Mapping[str, Examples] = {
    "adopt": (("offctl adopt merge *.toml --into site --name example", ""),),
    "adopt merge": (
        ("offctl adopt merge off1.toml --into site --name example", ""),
        (
            "offctl adopt merge *.toml --into site --name example --cluster off1=free "
            "--cluster off2=free",
            "both are in one cluster",
        ),
    ),
    "approve": (("offctl approve off2 HASH", "the digits that `offctl status off2` shows"),),
    "check": (
        ("offctl check", "the site here"),
        ("offctl check site --json", "for programs"),
        ("offctl check --rules", "what is checked"),
    ),
    "compile": (("offctl compile site --host off2", ""),),
    "freeze": (
        ("offctl freeze off2 --for 2h --reason restore", ""),
        ("offctl freeze off --release", "a container, by name or id"),
    ),
    "host": (("offctl host add off2 off2.lines", ""),),
    "host add": (
        ("offctl host add off2 off2.lines", "what `offctl-agent init` printed there"),
        ("offctl host add off2 --replace off2.lines", "after it got new keys"),
    ),
    "host revoke": (("offctl host revoke off2", ""),),
    "identity": (("offctl identity new . alice", ""),),
    "identity new": (("offctl identity new . alice > alice.lines", "alice.crt and alice.key"),),
    "key": (("offctl key new alice.pem", ""),),
    "key new": (("offctl key new alice.pem > alice.pub", ""),),
    "key public": (("offctl key public alice.pem", "the line for trust.toml"),),
    "publish": (
        ("offctl publish site.release", ""),
        ("offctl publish site.release --cut redis-ovh", "although it cuts that tunnel"),
    ),
    "revert": (("offctl revert 41 --sign-with alice.pem -o back.release", ""),),
    "rollout": (("offctl rollout status", ""),),
    "rollout status": (("offctl rollout status --json", "for programs"),),
    "rollout pause": (("offctl rollout pause --reason 'off2 is slow'", ""),),
    "rollout resume": (("offctl rollout resume", ""),),
    "rollout promote": (("offctl rollout promote", "the next wave, and only that one"),),
    "schema": (
        ("offctl schema > site.schema.json", "for an editor"),
        ("offctl schema --markdown docs/site.md", "its tables of keys renewed"),
    ),
    "sign": (
        ("offctl sign site --key alice.pem -o site.release", ""),
        ("offctl sign site --key bob.pem --append site.release", "a second signature"),
    ),
    "trust": (("offctl trust show trust.toml", ""),),
    "trust new": (
        (
            "offctl trust new -o trust.toml --site example --release-key alice=LINE "
            "--timestamp-key LINE --coordinator one=one.crt --operator alice=alice.crt",
            "",
        ),
    ),
    "trust rotate": (
        (
            "offctl trust rotate trust.toml -o trust.next --key alice.pem --release-key bob=LINE",
            "bob may sign, too",
        ),
        (
            "offctl trust rotate trust.toml -o trust.next --key bob.pem "
            "--remove release-key/alice",
            "alice may not any more",
        ),
    ),
    "trust show": (("offctl trust show trust.toml --json", "for programs"),),
    "trust verify": (("offctl trust verify trust.toml trust.next site.release", ""),),
    "tunnel": (("offctl tunnel rotate redis-ovh", ""),),
    "tunnel rotate": (
        ("offctl tunnel rotate redis-ovh", "the next phase; sign and publish after each"),
        ("offctl tunnel rotate --host off2", "every tunnel with an end there"),
    ),
    "tunnel revoke": (("offctl tunnel revoke redis-ovh", "everybody with its key is cut off"),),
    "tunnels": (("offctl tunnels", ""), ("offctl tunnels --json", "for programs")),
}

_ASKED = "it only asks, and has changed nothing"
_SITE = "the files of the site are as they were, or all of the change is in them"
_SIGNED = "nothing was published; a file is there whole or not at all"
STOPPED: Mapping[str, str] = {
    **dict.fromkeys(
        ("check", "compile", "diff", "events", "explain", "history", "plan", "rollout status",
         "schema", "status", "tunnels", "trust show", "trust verify", "key public"),
        _ASKED,
    ),
    **dict.fromkeys(
        ("approve", "freeze", "host add", "host revoke", "tunnel rotate", "tunnel revoke"), _SITE
    ),
    **dict.fromkeys(("sign", "revert", "trust new", "trust rotate"), _SIGNED),
    "adopt merge": "the new directory may lack files; remove it and begin again",
    "graph": "the picture is as it was, or whole",
    "identity new": "keys are made whole or not at all; look which of the two files is there",
    "key new": "the key is there whole or not at all",
    "publish": "whether it was taken is not known; `offctl history` tells, and to publish it again "
    "does no harm",
    "rollout pause": "whether it was heard is not known; `offctl rollout status` tells",
    "rollout resume": "whether it was heard is not known; `offctl rollout status` tells",
    "rollout promote": "whether it was heard is not known; `offctl rollout status` tells",
}  # fmt: skip
