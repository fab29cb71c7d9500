"""Who the courier speaks with, and as whom: certificates and key from disk, for one connection."""

from dataclasses import dataclass

import grpc

from offctl import certificates, errors, files
from offctl.trust import root
from offctl_agent.config import Config

_MAX_KEY = 16 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Pins:
    """The pinned coordinators, and this host's own certificate and key; all PEM."""

    trust_version: int
    coordinators: bytes
    certificate: bytes
    key: bytes

    def credentials(self) -> grpc.ChannelCredentials:
        """TLS in which exactly the pinned coordinators are believed."""
        return grpc.ssl_channel_credentials(
            root_certificates=self.coordinators,
            private_key=self.key,
            certificate_chain=self.certificate,
        )


def load(config: Config) -> Pins:
    """Read them; raises AdminError or MalformedError."""
    trust = root.parse(files.require(config.trust, limit=root.MAX_TRUST_ROOT))
    if not trust.coordinators:
        raise errors.AdminError(
            f"cannot call anybody: trust root {config.trust} names no coordinator",
            hint="add the lines that `offctl-coordinator init` printed",
        )
    certificate = files.require(config.certificate, limit=certificates.MAX_CERTIFICATE)
    return Pins(
        trust_version=trust.version,
        coordinators="".join(pem for _, pem in trust.coordinators).encode(),
        certificate=certificates.check(certificate).encode(),
        key=files.require(config.certificate_key, limit=_MAX_KEY),
    )
