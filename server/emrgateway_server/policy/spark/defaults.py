"""spark-defaults, at any depth of a job's configuration, as Spark reads a properties file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emrgateway_server.policy.named import CONFIGURATION, Trouble, known_key, shown_key
from emrgateway_server.policy.spark.propertiesfile import goes_on, read
from emrgateway_server.policy.spark.words import CONTROL

CLASSIFICATION = "spark-defaults"
MOST_ORDERED = 3  # blocks that disagree, up to which every order of theirs is a reading
UNKNOWABLE = "\x00"  # a value that no allow matches and that is no number

_FIRST = f"{CONFIGURATION}[0]"
# Utils.getPropertiesFromFile trims what is at most a space, but for line ends.
_TRIMMED = "".join(chr(code) for code in range(0x21) if chr(code) not in "\r\n")
_ODD_KEY = re.compile(rf"[ =:\\]|[^\x20-\x7e]|^[#!]|[{CONTROL}]")
_ODD_VALUE = re.compile(rf"(?P<backslash>\\)|(?P<control>[\x00-\x1f\x85\u2028\u2029{CONTROL}])|\A *(?P<malformed>[=:])")
_LINES_AND_CONTROL = re.compile(rf"[\x00-\x1f{CONTROL}]")
_HARMLESS = re.compile(r"(?:(?! *[=:])[ !#-\[\]-~]*\x1f)*")  # values, each with a separator behind it
_HARMLESS_KEYS = re.compile(r"[A-Za-z0-9_.$@*/\"'-]*")
_MENDS = {
    "backslash": "a backslash, which a properties file drops: leave it out",
    "malformed": "begins with a sign that a properties file may take for its own: put it elsewhere",
    "control": "a line break or an invisible character, which a properties file reads in its own way: leave it out",
}


class Block:
    """The properties of one configuration object, and where it stands. Not to be changed.

    `written` are the properties as they stand there, where `properties` are what a file's reader makes of them.
    """

    def __init__(
        self, path: str, classification: str, properties: Mapping[str, str], written: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self.classification = classification
        self.properties = properties
        self._written = properties if written is None else written
        self._is_odd: bool | None = None if properties else False

    @property
    def is_odd(self) -> bool:
        """Whether any key or value has what a properties file takes for a sign of its own."""
        if self._is_odd is None:
            self._is_odd = self._has_signs()
        return self._is_odd

    def _has_signs(self) -> bool:
        texts = "\x1f".join([*self.properties.values(), ""])
        harmless = _HARMLESS.fullmatch(texts) and texts.count("\x1f") == len(self.properties)
        return not harmless or not _HARMLESS_KEYS.fullmatch("".join(self.properties))

    def reread(self, properties: Mapping[str, str]) -> Block:
        """The block with what a file's reader makes of its properties, or with some of it."""
        return Block(self.path, self.classification, properties, self.properties)

    def place(self, key: str, item: int | None = None, offset: int = 0) -> str:  # noqa: ARG002 - no columns here
        """Where a value of it stands: `spark-defaults spark.jars[2]`, after its path where it is not the first.

        A key that is not known by name is told by its number.
        """
        index = "" if item is None else f"[{item}]"
        path = "" if self.path == _FIRST and self.classification == CLASSIFICATION else f"{self.path} "
        return f"{path}{shown_key(self.classification)}{known_key(key) or self._entry(key)}{index}"

    def _entry(self, key: str) -> str:
        if key not in self._written:
            return "[an entry as a properties file is read]"
        return f"[entry {sorted(self._written).index(key) + 1} in key order]"

    def member(self, name: str) -> str:
        """The path of a member of the object."""
        return f"{self.path}.{name}"


# Key → value, where it comes from, and what of it. The last two tell the place when it is asked for.
Raw = dict[str, tuple[str, Any, Any]]


def blocks(request: Mapping[str, Any]) -> list[Block]:
    """Every configuration object of the request, in document order."""
    overrides = request.get("configurationOverrides") or {}
    found: list[Block] = []
    _collect(overrides.get("applicationConfiguration") or (), CONFIGURATION, found)
    return found


def is_defaults(classification: str) -> bool:
    """Whether a classification is spark-defaults to any reader."""
    return classification == CLASSIFICATION or classification.strip().casefold() == CLASSIFICATION


def merged(found: Sequence[Block]) -> list[Raw]:
    """The ways in which spark-defaults blocks come together: one, where no two of them contradict each other.

    One more where a properties file's reader sees them otherwise, and one for lines that swallow others: which ones is
    decided by the order in which they are written, and that is not known.
    """
    ways = _orders(found)
    if any(block.is_odd for block in found):
        ways += [way for way in _orders([from_file(block) for block in found]) if way not in ways]
        if any(goes_on(text) for block in found for pair in block.properties.items() for text in pair):
            ways.append({key: (UNKNOWABLE, *entry[1:]) for key, entry in ways[0].items() if goes_on(entry[0])})
    return ways


def from_file(block: Block) -> Block:
    """The block as the reader of a properties file has it."""
    return block.reread(read(block.properties, UNKNOWABLE)) if block.is_odd else block


def _orders(found: Sequence[Block]) -> list[Raw]:
    if not found:
        return [{}]
    if len(found) == 1:
        return [_raw(found[0])]
    contested = _contested(found)
    if not contested:
        return [_together(found)]
    sides = [block for block in found if not contested.isdisjoint(_keys(block))]
    rest = [block for block in found if block not in sides]
    orders: list[Sequence[Block]] = [sides, sides[::-1]]
    if len(sides) <= MOST_ORDERED:
        orders = list(itertools.permutations(sides))
    ways: list[Raw] = []
    for order in orders:
        way = _together([*rest, *order])
        if all(values(way) != values(other) for other in ways):
            ways.append(way)
    return ways if len(sides) <= MOST_ORDERED else [*ways, unknowable(ways, contested)]


def unknowable(ways: Sequence[Raw], contested: frozenset[str] | None = None) -> Raw:
    """The reading for what may be one of too many: what differs among the ways is a value that nothing allows."""
    way = dict(ways[0])
    for key in contested if contested is not None else _differing(ways):
        _, origin, detail = next(other[key] for other in ways if key in other)
        way[key] = (UNKNOWABLE, origin, detail)
    return way


def values(way: Raw) -> dict[str, str]:
    """The values alone."""
    return {key: entry[0] for key, entry in way.items()}


def troubles(found: Sequence[Block]) -> Iterator[Trouble]:
    """What readers of spark-defaults disagree on. How EMR writes its file, escaped or not, is undocumented."""
    for block in found:
        if block.classification != CLASSIFICATION:
            message = f"is {CLASSIFICATION} but for case or blanks: write {CLASSIFICATION}"
            yield Trouble("malformed", block.member("classification"), message)
        if block.is_odd:
            yield from _odd(block)
    if len(found) > 1:
        for key in sorted(_contested(found)):
            named = [block for block in found if key in _keys(block)]
            message = "two spark-defaults blocks set it to two values: keep one of them"
            yield Trouble("duplicate-defaults", named[-1].place(key), message)


def _odd(block: Block) -> Iterator[Trouble]:
    for key, value in block.properties.items():
        if _ODD_KEY.search(key):
            yield Trouble(_kind_of_key(key), block.place(key), "a key that a properties file reads as another: mend it")
        for kind in dict.fromkeys(match.lastgroup for match in _ODD_VALUE.finditer(value)):
            yield Trouble(str(kind), block.place(key), _MENDS[str(kind)])


def _kind_of_key(key: str) -> str:
    if _LINES_AND_CONTROL.search(key):
        return "control"
    return "malformed" if key == key.strip() else "blanks"


def _collect(configurations: Sequence[Mapping[str, Any]], path: str, found: list[Block]) -> None:
    for index, configuration in enumerate(configurations):
        here = f"{path}[{index}]"
        found.append(Block(here, configuration.get("classification") or "", configuration.get("properties") or {}))
        inner = configuration.get("configurations")
        if inner:
            _collect(inner, f"{here}.configurations", found)


def _raw(block: Block) -> Raw:
    return {
        key: (value if value == UNKNOWABLE else value.strip(_TRIMMED), block, key)
        for key, value in block.properties.items()
        if key.startswith("spark.")
    }


def _together(found: Sequence[Block]) -> Raw:
    way: Raw = {}
    for block in found:
        way |= _raw(block)
    return way


def _keys(block: Block) -> Iterator[str]:
    return (key for key in block.properties if key.startswith("spark."))


def _contested(found: Sequence[Block]) -> frozenset[str]:
    first: dict[str, str] = {}
    contested = set()
    for block in found:
        for key, (value, _, _) in _raw(block).items():
            if first.setdefault(key, value) != value:
                contested.add(key)
    return frozenset(contested)


def _differing(ways: Sequence[Raw]) -> frozenset[str]:
    keys = set().union(*ways)
    return frozenset(key for key in keys if len({way[key][0] if key in way else None for way in ways}) > 1)
