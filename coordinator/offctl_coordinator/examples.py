"""Examples in the help of the coordinator's commands, and what to know after Ctrl-C."""

from collections.abc import Mapping

from offctl.program import Examples

_COPY = "offctl-coordinator database copy /var/lib/offctl-coordinator/coordinator.db"
EXAMPLES: Mapping[str, Examples] = {
    "database": ((_COPY, ""),),
    "database copy": ((_COPY, "when `database` names a server"),),
    "init": (("offctl-coordinator init /etc/offctl --name one", ""),),
    "serve": (("offctl-coordinator serve", "as the service does"),),
    "show": (("offctl-coordinator show --name one", ""),),
}
STOPPED: Mapping[str, str] = {
    "database copy": "all of it arrives or nothing does; copy again",
    "init": "keys are made whole or not at all; remove the directory and begin again",
    "show": "it only looks, and has changed nothing",
}
