"""A writer of single FLAC frames that says how each subframe is coded, however oddly.

RFC 9639, 9. Bits are text of zeros and ones: slow, and plain to see.
"""

from collections.abc import Sequence

from flac_bytes import SAMPLE_SIZES, crc_8, crc_16, number

LEFT_SIDE, RIGHT_SIDE, MID_SIDE = 8, 9, 10
FIXED: list[list[int]] = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]]
SIZES = SAMPLE_SIZES | {32: 7}


def field(value: int, width: int) -> str:
    """A number in two's complement."""
    return f"{value & (1 << width) - 1:0{width}b}" if width else ""


def rice(residual: int, parameter: int) -> str:
    folded = residual << 1 if residual >= 0 else -2 * residual - 1
    return "0" * (folded >> parameter) + "1" + field(folded, parameter)


def head(kind: int, wasted: int) -> str:
    return "0" + field(kind, 6) + ("1" + "0" * (wasted - 1) + "1" if wasted else "0")


def constant(value: int, bits: int, wasted: int = 0) -> str:
    return head(0, wasted) + field(value >> wasted, bits - wasted)


def verbatim(samples: Sequence[int], bits: int, wasted: int = 0) -> str:
    return head(1, wasted) + "".join(field(value >> wasted, bits - wasted) for value in samples)


def coded(residuals: list[int], order: int, partitions: Sequence[int], method: int) -> str:
    """A partition for each Rice parameter; of one below zero, as many bits as it is below -1."""
    block = order + len(residuals)
    text = field(method, 2) + field(len(partitions).bit_length() - 1, 4)
    begin = 0
    for index, parameter in enumerate(partitions):
        end = block // len(partitions) * (index + 1) - order
        values = residuals[begin:end]
        if parameter < 0:
            width = -1 - parameter
            text += field(-1, 4 + method) + field(width, 5)
            text += "".join(field(value, width) for value in values)
        else:
            text += field(parameter, 4 + method)
            text += "".join(rice(value, parameter) for value in values)
        begin = end
    return text


def best(residuals: list[int], method: int) -> int:
    """A Rice parameter that is about right."""
    mean = sum(map(abs, residuals)) // max(len(residuals), 1)
    return min(mean.bit_length(), 14 if method == 0 else 30)


def predicted(
    samples: Sequence[int],
    bits: int,
    coefficients: Sequence[int],
    shift: int = 0,
    precision: int = 0,
    partitions: Sequence[int] = (),
    method: int = 0,
    wasted: int = 0,
) -> str:
    """A fixed predictor where there is no precision, else a linear one."""
    order = len(coefficients)
    kept = [value >> wasted for value in samples]
    residuals = []
    for at in range(order, len(kept)):
        past = kept[at - order : at][::-1]
        weighed = sum(factor * value for factor, value in zip(coefficients, past, strict=True))
        residuals.append(kept[at] - (weighed >> shift))
    text = head(31 + order if precision else 8 + order, wasted)
    text += "".join(field(value, bits - wasted) for value in kept[:order])
    if precision:
        text += field(precision - 1, 4) + field(shift, 5)
        text += "".join(field(factor, precision) for factor in coefficients)
    return text + coded(residuals, order, partitions or [best(residuals, method)], method)


def frame(
    subframes: Sequence[str],
    block: int,
    bits: int,
    *,
    place: int = 0,
    assignment: int = -1,
    variable: bool = False,
    rate_code: int = 0,
) -> bytes:
    """Put subframes together; the assignment is that of independent channels by default."""
    if assignment < 0:
        assignment = len(subframes) - 1
    start = field(0xFFF9 if variable else 0xFFF8, 16) + field(7, 4) + field(rate_code, 4)
    start += field(assignment, 4) + field(SIZES.get(bits, 0), 3) + "0"
    before = int(start, 2).to_bytes(4, "big") + number(place) + (block - 1).to_bytes(2, "big")
    body = "".join(subframes)
    body += "0" * (-len(body) % 8)
    data = before + bytes([crc_8(before)]) + int(body, 2).to_bytes(len(body) // 8, "big")
    return data + crc_16(data).to_bytes(2, "big")
