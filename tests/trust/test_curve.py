"""The curve checks, against point arithmetic that shares nothing with them."""

from offctl.trust import base64text, curve
from trust import load_vectors

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P

Point = tuple[int, int]


def add(one: Point, two: Point) -> Point:
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def decoded(raw: bytes) -> Point | None:
    """The point of canonical bytes, by RFC 8032 section 5.1.3; None when there is none."""
    number = int.from_bytes(raw, "little")
    y, sign = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    return (x if x % 2 == sign else P - x), y


def sound(raw: bytes) -> bool:
    point = decoded(raw)
    if point is None:
        return False
    for _ in range(3):
        point = add(point, point)
    return point != (0, 1)


def test_verdicts_agree_with_arithmetic() -> None:
    raws = [bytes([n]) + bytes(30) + bytes([top]) for n in range(120) for top in (0, 0x80, 0x7F)]
    verdicts = [curve.complaint(raw) == "" for raw in raws]
    assert verdicts == [sound(raw) for raw in raws]
    assert 100 < verdicts.count(True) < 250


def test_all_eight_points_of_small_order_are_refused() -> None:
    found = set()
    for vector in load_vectors.public_keys():
        if "order" in vector.name or vector.name in ("a07-key-zeros", "a07-key-identity"):
            raw = base64text.decode(vector.content.decode()[8:], "a key")
            if point := decoded(raw):
                found.add(point)
                assert "small order" in curve.complaint(raw)
    assert len(found) == 8
