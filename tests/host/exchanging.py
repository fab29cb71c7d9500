"""A hostile container root: exchanges two names below a directory until it is killed."""

import ctypes
import os
import sys

_EXCHANGE = 2


def main(directory: str, one: str, other: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    first, second = os.fsencode(one), os.fsencode(other)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if libc.renameat2(handle, first, handle, second, _EXCHANGE) != 0:
            raise OSError(ctypes.get_errno(), "renameat2")


if __name__ == "__main__":
    main(*sys.argv[1:])
