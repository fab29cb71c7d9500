"""Examples in the help of the agent's commands, and what to know after Ctrl-C."""

from collections.abc import Mapping

from offctl.program import Examples

EXAMPLES: Mapping[str, Examples] = {
    "adopt": (
        ("offctl-agent adopt > off2.toml", "all that lives here"),
        ("offctl-agent adopt --container 113 --container 114 > off2.toml", "only these"),
    ),
    "apply": (
        ("offctl-agent apply", ""),
        ("offctl-agent apply --restart 113", "that container may be restarted now"),
    ),
    "approve": (("offctl-agent approve HASH", "the digits that `offctl-agent plan` shows"),),
    "confirm": (("offctl-agent confirm 42", ""),),
    "doctor": (("offctl-agent doctor", ""), ("offctl-agent doctor --json", "for programs")),
    "forget": (
        ("offctl-agent forget container 113", "it is gone for good: make it anew"),
        ("offctl-agent forget dataset zfs-hdd/off/cache", ""),
    ),
    "hold": (
        ("offctl-agent hold --reason 'restore under way' --for 2h", ""),
        ("offctl-agent hold --container 113 --reason debugging", "until it is released"),
        ("offctl-agent hold --release", ""),
        ("offctl-agent hold", "what is held"),
    ),
    "init": (
        ("offctl-agent init --host off2 --coordinator 192.0.2.1:7443 > off2.lines", ""),
        ("offctl-agent init --host off2 --replace certificate", "a new one for the same host"),
    ),
    "plan": (("offctl-agent plan", ""), ("offctl-agent plan --json", "for programs")),
    "retry": (("offctl-agent retry 113", ""),),
    "run": (("offctl-agent run", "as the service does"),),
    "status": (("offctl-agent status", ""), ("offctl-agent status --json", "for programs")),
}

_ASKED = "it only looks, and has changed nothing"
STOPPED: Mapping[str, str] = {
    **dict.fromkeys(("adopt", "doctor", "plan", "status"), _ASKED),
    **dict.fromkeys(
        ("approve", "confirm", "forget", "hold", "retry"),
        "what it was to remember is remembered whole or not at all; call it again",
    ),
    "apply": "a step that was begun is in the journal; the next run looks again and goes on",
    "init": "keys are made whole or not at all; call it again, it keeps those that are there",
}
