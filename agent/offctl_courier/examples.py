"""Examples in the help of the courier's commands, and what to know after Ctrl-C."""

from collections.abc import Mapping

from offctl.program import Examples

EXAMPLES: Mapping[str, Examples] = {"run": (("offctl-courier run", "as the service does"),)}
STOPPED: Mapping[str, str] = {}
