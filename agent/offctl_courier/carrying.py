"""What one exchange with a coordinator does: a release in, reports out, through the mailbox."""

from collections.abc import Callable
import hashlib
import logging
from pathlib import Path

from offctl import errors, observation
from offctl.messages import Message
from offctl.trust import envelope, release, rotation
from offctl.trust.release import SignedRelease
from offctl_agent import mailbox
from offctl_agent.mailbox import Inbox, Outbox
from offctl_courier.client import Coordinator, Offer, RejectedError
from offctl_courier.delivered import Delivered

logger = logging.getLogger(__name__)


class Carrier:
    """The two directions; `host` is whose bundle comes. `agent_bell` is rung for a new release."""

    def __init__(
        self,
        host: str,
        inbox: Inbox,
        outbox: Outbox,
        delivered: Delivered,
        agent_bell: Path,
        trust_version: Callable[[], int],
    ) -> None:
        self._host = host
        self._inbox = inbox
        self._outbox = outbox
        self._delivered = delivered
        self._agent_bell = agent_bell
        self._trust_version = trust_version

    def held_sha256(self) -> bytes:
        """The hash of the manifest in the inbox; empty when there is none to be read.

        The inbox itself is asked each time, so that a drop that was lost is fetched again.
        """
        try:
            content = self._inbox.release()
            if content is None:
                return b""
            held = release.parse(content)
            inner = envelope.parse(held.envelope, release.MAX_ENVELOPE)
        except (errors.MalformedError, errors.AdminError):
            return b""
        return hashlib.sha256(inner.payload).digest()

    async def fetch(self, coordinator: Coordinator) -> None:
        """Bring what is new. Raises UnreachableError, MalformedError or AdminError."""
        try:
            offer = await coordinator.fetch(self.held_sha256(), self._trust_version())
        except errors.NotFoundError:
            return
        self._drop(offer)

    def _drop(self, offer: Offer) -> None:
        content = self._packed(offer) if offer.envelope else b""
        if len(offer.timestamp) > mailbox.MAX_TIMESTAMP:
            raise _too_large("timestamp", len(offer.timestamp), mailbox.MAX_TIMESTAMP)
        chain = rotation.dump_chain(offer.roots) if offer.roots else b""
        if len(chain) > mailbox.MAX_DROP:
            raise _too_large("trust roots", len(chain), mailbox.MAX_DROP)
        news = bool(chain) and chain != self._inbox.trust()
        if news:
            self._inbox.put_trust(chain)
        if content:
            self._inbox.put_release(content)
        if offer.timestamp and offer.timestamp != self._inbox.timestamp():
            self._inbox.put_timestamp(offer.timestamp)
        if content or news:
            # All of it is there before the agent looks.
            mailbox.ring(self._agent_bell)
            logger.info(
                "in the inbox: a release of %d bytes, %d trust roots",
                len(content),
                len(offer.roots) if news else 0,
                extra=Message.RELEASE_BROUGHT.fields(),
            )

    def _packed(self, offer: Offer) -> bytes:
        content = SignedRelease(offer.envelope, ((self._host, offer.bundle),)).dump()
        if len(content) > mailbox.MAX_DROP:
            raise _too_large("release", len(content), mailbox.MAX_DROP)
        return content

    async def deliver(self, coordinator: Coordinator) -> None:
        """Hand in the reports that wait, oldest first. Raises UnreachableError or AdminError."""
        if not self._outbox.directory.is_dir():
            return  # the agent has not run yet, and makes it itself
        self._delivered.follow(self._outbox.newest())
        problem: errors.AdminError | None = None
        for number, content in self._outbox.after(self._delivered.number):
            try:
                await self._report(coordinator, content)
            except RejectedError as error:
                # It would be refused for ever, and keep back those behind it.
                logger.warning("report %d is left out: %s", number, error)
            try:
                self._delivered.advance(number)
            except errors.AdminError as error:
                # A full disk must not keep back the reports that say so.
                problem = error
        if problem is not None:
            raise problem

    async def _report(self, coordinator: Coordinator, content: bytes) -> None:
        """What was observed goes only where it is not known yet: it rarely changes.

        There is but the newest one; what an older report names is gone.
        """
        if not await coordinator.report(content):
            return
        observed = self._outbox.observation() or b""
        if observed and observation.digest(observed).encode() in content:
            await coordinator.report(content, observed)


def _too_large(what: str, length: int, limit: int) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot take the {what}: {length} bytes are more than the {limit} allowed",
        code="TOO_LARGE",
    )
