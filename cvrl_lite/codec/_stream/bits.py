"""Reads bit fields and Exp-Golomb codes from the headers of all codecs."""

from __future__ import annotations

_LONGEST_CODE = 32  # leading zeros of an Exp-Golomb code (Rec. ITU-T H.264, 9.1)


class InvalidHeader(Exception):
    """A header is broken, or uses syntax that is not parsed here."""


class EndOfData(InvalidHeader):
    """A header continues past the end of the data."""


class BitReader:
    """Reads numbers from the start of a header, most significant bit first.

    Args:
        data: The header, or the first bytes of a packet that hold it, without emulation prevention bytes.
        zero_padded: Whether bits past the end read as zero; otherwise they raise EndOfData.

    Example:
        >>> reader = BitReader(bytes([0b10100110, 0b01000000]))
        >>> reader.read(3), reader.ue(), reader.se()
        (5, 5, 1)
    """

    def __init__(self, data: bytes, *, zero_padded: bool = False) -> None:
        self._value, self._left, self._zero_padded = int.from_bytes(data, "big"), 8 * len(data), zero_padded

    def read(self, count: int) -> int:
        """Reads `count` bits as an unsigned number.

        Raises:
            EndOfData: The data end before.
        """
        left = self._left - count
        if left < 0 and not self._zero_padded:
            raise EndOfData
        self._left = left
        value = self._value >> left if left >= 0 else self._value << -left
        return value & ((1 << count) - 1)

    def flag(self) -> bool:
        """Reads one bit."""
        return self.read(1) == 1

    def skip(self, count: int) -> None:
        """Passes over `count` bits."""
        self.read(count)

    def ue(self, largest: int = 1 << 32) -> int:
        """Reads an unsigned Exp-Golomb code.

        Raises:
            EndOfData: The data end before.
            InvalidHeader: The number exceeds `largest`.
        """
        rest = self._value & ((1 << max(0, self._left)) - 1)
        if not rest:
            raise EndOfData
        zeros = self._left - rest.bit_length()
        if zeros > _LONGEST_CODE:
            raise InvalidHeader("an Exp-Golomb code of more than 32 leading zeros")
        self._left -= zeros
        value = self.read(zeros + 1) - 1
        if value > largest:
            raise InvalidHeader(f"{value} where at most {largest} is allowed")
        return value

    def se(self) -> int:
        """Reads a signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
