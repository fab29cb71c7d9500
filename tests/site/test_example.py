"""The organisation's production as a site: no findings, and the mounts that are really there."""

from pathlib import Path
import time

