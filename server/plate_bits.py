"""Distinct plates as bitmaps: which of them fit a pattern or are near a text, all of them compared at once.

A plate has a bit in each bitmap, at its number. The code of the character at a place takes six bitmaps, a
length one. Comparing a place of every plate with a character is then six operations on long integers (bit
slices: O'Neil, Quass, SIGMOD 1997). Nothing is gone back over, whatever the pattern.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec

from server.folding import ALIKE

#: Plate numbers in one block.
SIZE = 1 << 16
ANY = "?"
#: Bitmaps that a block keeps of what it was asked: 2 MiB at most, and searches for similar plates take half.
_ASKED = 256
#: Plates in a block, on average, that are looked up one by one.
_FEW = 400
_ANY_SET = bytes([0]) + bytes([1]) * 255
#: Which bits of a byte are set.
_PLACES = [tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)]
_BITS = 6
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: 0 is no character. Whatever is neither letter nor digit of these shares one code.
_CODES = {character: code for code, character in enumerate(_LETTERS, 1)}
_STRANGE = len(_LETTERS) + 1
#: For each bit of a code: what makes bytes of characters the digits of a binary number.
_DIGITS = [
    bytes(
        ord("1") if (_CODES.get(chr(byte), _STRANGE) if byte else 0) >> bit & 1 else ord("0")
        for byte in range(256)
    )
    for bit in range(_BITS)
]
#: The codes of the characters that are written as one when plates are folded.
_FOLDED: dict[str, list[int]] = {}
for _character, _code in _CODES.items():
    _FOLDED.setdefault(_character.translate(ALIKE), []).append(_code)


def strange(text: str) -> bool:
    """Whether a text has characters that share a code: then what is found has to be looked at once more."""
    return any(character not in _CODES and character not in "?*" for character in text)


class Block(msgspec.Struct, frozen=True):
    """Plates whose numbers are `first` and the following ones, SIZE at most; never changed once made."""

    first: int
    #: By place: the six bitmaps of the characters' codes.
    places: list[list[int]]
    #: The plates of each length.
    lengths: dict[int, int]
    #: By place and folded character, what `near` has asked for lately.
    asked: dict[tuple[int, str], int] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, first: int, rows: Sequence[tuple[int, str]]) -> Block:
        """A block of plates: their numbers, ascending, and their texts."""
        begin, end = rows[0][0], rows[-1][0]
        width = max(len(text) for _, text in rows)
        texts = [bytes(width)] * (end - begin + 1)
        lengths: dict[int, bytearray] = {}
        for number, text in rows:
            texts[number - begin] = text.encode("ascii", "replace").ljust(width, b"\0")
            if len(text) not in lengths:
                lengths[len(text)] = bytearray(b"0" * len(texts))
            lengths[len(text)][end - number] = ord("1")
        # Numbers are written with the highest bit first.
        columns = b"".join(reversed(texts))
        shift = begin - first
        return cls(
            first,
            [
                [int(columns[place::width].translate(digits), 2) << shift for digits in _DIGITS]
                for place in range(width)
            ],
            {length: int(digits, 2) << shift for length, digits in lengths.items()},
        )

    def joined(self, more: Block) -> Block:
        """This block with more plates of the same numbers' range."""
        none = [0] * _BITS
        width = max(len(self.places), len(more.places))
        mine = self.places + [none] * (width - len(self.places))
        theirs = more.places + [none] * (width - len(more.places))
        return Block(
            self.first,
            [[a | b for a, b in zip(*both, strict=True)] for both in zip(mine, theirs, strict=True)],
            {
                length: self.lengths.get(length, 0) | more.lengths.get(length, 0)
                for length in self.lengths.keys() | more.lengths.keys()
            },
        )

    def _all(self) -> int:
        found = 0
        for plates in self.lengths.values():
            found |= plates
        return found

    # -- patterns ------------------------------------------------------------------------------

    def fitting(self, pieces: Sequence[str]) -> int:
        """The plates that a pattern fits; `pieces` are what stands between its stars."""
        first, last = pieces[0], pieces[-1]
        if len(pieces) == 1:
            return self._at(0, first, self.lengths.get(len(first), 0))
        ends = {len(first): self._at(0, first, self._all())}
        for piece in pieces[1:-1]:
            if piece and ends:
                ends = self._after(ends, piece)
        found, ended = 0, 0
        for place in range(len(self.places) - len(last) + 1):
            ended |= ends.get(place, 0)
            if rest := ended & self.lengths.get(place + len(last), 0):
                found |= self._at(place, last, rest)
        return found

    def _after(self, ends: dict[int, int], piece: str) -> dict[int, int]:
        """Where, at the earliest, a piece can end that begins where those before it end, or later.

        By place, the plates. What ends behind the end of its plate is left out when that is looked at.
        """
        begun, found = 0, {}
        for place in range(min(ends), len(self.places) - len(piece) + 1):
            begun |= ends.get(place, 0)
            if here := self._at(place, piece, begun):
                found[place + len(piece)] = here
                begun ^= here
        return found

    def _at(self, place: int, piece: str, among: int) -> int:
        """Which plates have a piece at a place."""
        for character in piece:
            if not among:
                break
            if character != ANY:
                among = self._has(place, _CODES.get(character, _STRANGE), among)
            place += 1
        return among

    def _has(self, place: int, code: int, among: int) -> int:
        if place >= len(self.places):
            return 0
        for bit, plates in enumerate(self.places[place]):
            if code >> bit & 1:
                among &= plates
            else:
                among ^= among & plates
            if not among:
                break
        return among

    # -- likeness ------------------------------------------------------------------------------

    def near(self, folded: str, most: int) -> list[int]:
        """The plates that are 0, 1, ... `most` insertions, deletions or replacements from a folded text.

        All plates go through Levenshtein's table at once: `row[there][off]` are those whose text up to a
        place is made of the first `there` characters with `off` errors at most.
        """
        size = len(folded)
        lengths = range(max(0, size - most), size + most + 1)
        among = 0
        for length in lengths:
            among |= self.lengths.get(length, 0)
        found = [0] * (most + 1)
        row = [[among if there <= off else 0 for off in range(most + 1)] for there in range(size + 1)]
        for place in range(min(len(self.places), size + most) + 1):
            if place:
                row = self._next(row, place - 1, folded)
            for off in range(most + 1):
                found[off] |= row[size][off] & self.lengths.get(place, 0)
        return [found[0], *(now ^ before for before, now in itertools.pairwise(found))]

    def _next(self, before: list[list[int]], place: int, folded: str) -> list[list[int]]:
        """A row of the table: with one character more of every plate, that at `place`."""
        most = len(before[0]) - 1
        row = [[0] * (most + 1) for _ in before]
        for there in range(max(0, place + 1 - most), min(len(folded), place + 1 + most) + 1):
            for off in range(abs(place + 1 - there), most + 1):
                plates = before[there][off - 1] if off else 0
                if there:
                    if came := before[there - 1][off]:
                        plates |= came & self._alike(place, folded[there - 1])
                    if off:
                        plates |= before[there - 1][off - 1] | row[there - 1][off - 1]
                row[there][off] = plates
        return row

    def _alike(self, place: int, character: str) -> int:
        """The plates whose character at a place is folded to this one."""
        found = self.asked.get((place, character))
        if found is None:
            found, everything = 0, self._all()
            for code in _FOLDED.get(character, [_STRANGE]):
                found |= self._has(place, code, everything)
            if len(self.asked) >= _ASKED:
                self.asked.clear()
            self.asked[place, character] = found
        return found


def _set(data: bytes) -> Iterator[tuple[int, int]]:
    """The bytes that are not 0, each with its place."""
    marked = data.translate(_ANY_SET)
    at = marked.find(1)
    while at >= 0:
        yield at, data[at]
        at = marked.find(1, at + 1)


class Plates:
    """Some distinct plates: bitmaps, each with the number of its first bit, ascending."""

    def __init__(self, parts: list[tuple[int, int]]) -> None:
        self.parts = parts

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Plates:
        """The plates with these numbers."""
        digits: dict[int, bytearray] = {}
        for number in numbers:
            if number // SIZE not in digits:
                digits[number // SIZE] = bytearray(b"0" * SIZE)
            digits[number // SIZE][-1 - number % SIZE] = ord("1")
        return cls([(part * SIZE, int(bits, 2)) for part, bits in sorted(digits.items())])

    def count(self) -> int:
        """How many."""
        return sum(bits.bit_count() for _, bits in self.parts)

    @cached_property
    def flags(self) -> bytes:
        """A byte for each plate number from 0 on: ASCII 1 for these plates."""
        if self._few:
            out = bytearray((self.parts[-1][0] if self.parts else 0) + SIZE)
            for number in self.numbers:
                out[number] = ord("1")
            return bytes(out)
        out = bytearray()
        for first, bits in self.parts:
            out.extend(bytes(first - len(out)))
            out += f"{bits:b}"[::-1].encode()
        return bytes(out)

    @cached_property
    def numbers(self) -> list[int]:
        """Their numbers, ascending."""
        if self._few:
            return [
                first + at * 8 + bit
                for first, bits in self.parts
                for at, byte in _set(bits.to_bytes(SIZE // 8, "little"))
                for bit in _PLACES[byte]
            ]
        found, at = [], self.flags.find(b"1")
        while at >= 0:
            found.append(at)
            at = self.flags.find(b"1", at + 1)
        return found

    @cached_property
    def _few(self) -> bool:
        """Whether looking them up one by one is less than writing all digits of the bitmaps."""
        return self.count() < _FEW * len(self.parts)
