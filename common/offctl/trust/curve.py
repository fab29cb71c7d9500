"""Which 32 bytes are a sound point of edwards25519 (RFC 8032 section 5.1).

The library checks none of this: with a key of small order one constant signature verifies every
message, and 32 zero bytes, what a power cut makes of a file, are such a key. No secret comes here,
so nothing needs to take constant time.
"""

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
ORDER = 2**252 + 27742317777372353535851937790883648493

# The y coordinates of the eight points whose order divides 8. A point has at most the two x of
# its y, so y alone tells.
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


def complaint(encoded: bytes) -> str:
    """Why `encoded` (32 bytes) is no point to trust; empty when it is one."""
    number = int.from_bytes(encoded, "little")
    y = number & (2**255 - 1)
    if y >= _P:
        return "not the canonical encoding of a point"
    if y in _SMALL_ORDER:
        return "a point of small order, under which anyone can sign"
    # x^2 = (y^2 - 1) / (d y^2 + 1) has a root, or the bytes are no point at all. The root is not
    # 0, which would need y = 1 or -1, so either sign bit is canonical.
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(square, (_P - 1) // 2, _P) != 1:
        return "not a point of the curve"
    return ""
