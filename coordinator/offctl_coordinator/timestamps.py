"""The coordinator's signed word that a release is current, made anew every few minutes."""

from datetime import datetime, timedelta

from offctl.trust import timestamp
from offctl.trust.keys import PublicKey, SecretKey
from offctl_coordinator.publication import Publication

# Signing is cheap; what costs is that every host stores each new one durably.
KEPT_FOR = timedelta(minutes=5)


class _Timestamper:
    """The word about one release."""

    def __init__(self, key: SecretKey) -> None:
        self._key = key
        self._sha256 = ""
        self._created: datetime | None = None
        self._envelope = b""

    def sign(self, publication: Publication, now: datetime) -> bytes:
        """The envelope to serve; made before `now`, by at most KEPT_FOR."""
        if not self._usable(publication, now):
            created = now.replace(microsecond=0)
            self._envelope = timestamp.sign(
                timestamp.Timestamp(
                    site=publication.accepted.manifest.site,
                    serial=publication.serial,
                    sha256=publication.sha256,
                    created=created,
                    expires=created + timestamp.LIFETIME,
                ),
                self._key,
            )
            self._sha256, self._created = publication.sha256, created
        return self._envelope

    def _usable(self, publication: Publication, now: datetime) -> bool:
        # A clock that was set back makes a new one too: the age is then below zero.
        return (
            self._created is not None
            and self._sha256 == publication.sha256
            and timedelta(0) <= now - self._created < KEPT_FOR
        )


class Timestampers:
    """Signs with the online timestamp key, which can sign nothing else that is believed.

    The word that a release is current goes to whoever is offered it, so there may be several.
    """

    # As many releases as are offered at a time, and some: each is small.
    _KEPT = 16

    def __init__(self, key: SecretKey) -> None:
        self._key = key
        self._each: dict[str, _Timestamper] = {}

    @property
    def public(self) -> PublicKey:
        """The half that the trust root must name."""
        return self._key.public

    def sign(self, publication: Publication, now: datetime) -> bytes:
        """The envelope to serve; made before `now`, by at most KEPT_FOR."""
        if publication.sha256 not in self._each:
            while len(self._each) >= self._KEPT:
                del self._each[next(iter(self._each))]
            self._each[publication.sha256] = _Timestamper(self._key)
        return self._each[publication.sha256].sign(publication, now)
