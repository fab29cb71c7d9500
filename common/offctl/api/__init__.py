"""The wire: generated from proto/. Only client, service and wire modules import it."""
