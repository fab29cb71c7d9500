"""Why something signed is not believed: one stable code per kind of attack or mishap."""

import enum

from offctl import errors


class Refusal(enum.StrEnum):
    """The codes of RefusedError; reports carry them, so none is ever renamed."""

    SIG_INVALID = "SIG_INVALID"  # not signed by enough of the keys we trust
    TOO_LARGE = "TOO_LARGE"  # more bytes than we are willing to look at
    MALFORMED = "MALFORMED"  # not a document of ours
    EXPIRED = "EXPIRED"  # true once, but not any more
    CLOCK = "CLOCK"  # made in our future: one of two clocks is wrong
    ROLLBACK = "ROLLBACK"  # older than what was accepted before
    EQUIVOCATION = "EQUIVOCATION"  # another content under the serial that was accepted before
    WRONG_SITE = "WRONG_SITE"  # made for another site
    WRONG_HOST = "WRONG_HOST"  # made for another host, or not for this one
    MISMATCH = "MISMATCH"  # not the bundle that the manifest names
    SKIPPED = "SKIPPED"  # a trust root whose predecessor never came
    TRUST_EXPIRED = "TRUST_EXPIRED"  # the trust root itself is too old to judge by


_HINTS = {
    Refusal.SIG_INVALID: "compare the keyids that `offctl sign` printed with `offctl trust show`",
    Refusal.EXPIRED: "sign the site again with a higher serial and publish that",
    Refusal.CLOCK: "compare this machine's clock with the one that signed",
    Refusal.ROLLBACK: "to go back, sign the old content with a new, higher serial",
    Refusal.EQUIVOCATION: "find out who signed the second one, then sign with a higher serial",
    Refusal.SKIPPED: "publish the trust roots in between as well, oldest first",
    Refusal.TRUST_EXPIRED: "make a successor with `offctl trust rotate` and publish it",
}


def refused(code: Refusal, message: str) -> errors.RefusedError:
    """The error to raise, with the hint that belongs to its code."""
    return errors.RefusedError(message, hint=_HINTS.get(code, ""), code=code.value)
