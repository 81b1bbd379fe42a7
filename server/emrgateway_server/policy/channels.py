"""The ways by which a request hands a setting to Spark, Hadoop or Hive: every key and value that it names.

All of them, also what a later setting overrides: which of two wins is Spark's affair, that both are named is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple, Protocol, TypeAlias

from emrgateway_server.policy import meanings
from emrgateway_server.policy.hive import HiveWord
from emrgateway_server.policy.javaoptions import properties
from emrgateway_server.policy.meanings import Meaning
from emrgateway_server.policy.named import Named
from emrgateway_server.policy.spark.defaults import UNKNOWABLE, Block, is_defaults
from emrgateway_server.policy.spark.effective import Expansion
from emrgateway_server.policy.spark.parameters import Parameters


class _Origin(Protocol):
    def place(self, detail: Any, item: int | None = None, offset: int = 0) -> str: ...  # noqa: ANN401 - the origin's own


_Found: TypeAlias = tuple[Meaning, str, _Origin, object]  # a pair before it is worth its making


class Pair(NamedTuple):
    """What a key means, and its value."""

    meaning: Meaning
    value: str
    origin: _Origin
    detail: object

    def named(self, value: str, item: int | None = None, offset: int = 0) -> Named:
        """A value that stands in this one's, as the item of a list where it is one of several."""
        return Named(value, partial(self.origin.place, self.detail, item, offset), sensitive=True)


class Channels:
    """What one reading of a request names, by key and value."""

    def __init__(
        self,
        read: Parameters | None = None,
        blocks: Sequence[Block] = (),
        hive: Sequence[HiveWord] = (),
        expansion: Expansion | None = None,
    ) -> None:
        self.read = read
        self.hive = hive
        self._blocks = blocks
        self._expansion = expansion

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every key and value: of the string, of each configuration object, of Hive's parameters."""
        return self._paired(self._found())

    @cached_property
    def telling(self) -> list[Pair]:
        """The pairs less those whose key means nothing, and whose value has nothing of a URL or an ARN."""
        return self._paired(found for found in self._found() if found[0].matters or ":" in found[1])

    def _paired(self, found: Iterable[_Found]) -> list[Pair]:
        pairs = [Pair(*each) for each in found]
        return [*pairs, *(inner for pair in pairs if pair.meaning.is_java for inner in _properties(pair))]

    def _found(self) -> Iterator[_Found]:
        return chain(self._in_string(), self._in_blocks(), self._in_hive())

    def value(self, text: str) -> str:
        """A value as this reading has it: as written, or with references put in."""
        return text if self._expansion is None else self._expansion.of(text)

    def _in_string(self) -> Iterator[_Found]:
        if self.read is not None:
            for setting in self.read.settings:
                if setting.key:
                    yield _spark(setting.key, self.value(setting.value), self.read, setting)

    def _in_blocks(self) -> Iterator[_Found]:
        for block in self._blocks:
            if is_defaults(block.classification):
                for key, text in block.properties.items():
                    yield _spark(meanings.bare(key), self.value(text.strip()), block, key)
            else:
                for key, text in block.properties.items():
                    yield meanings.of_block(key, block.classification), _hadoop_value(text.strip()), block, key

    def _in_hive(self) -> Iterator[_Found]:
        for word in self.hive:
            if word.key:
                yield meanings.of_hive(word.key), _hadoop_value(word.value), word, None


def _spark(key: str, value: str, origin: _Origin, detail: object) -> _Found:
    meaning = meanings.of_spark(key)
    return meaning, _hadoop_value(value) if meaning.hadoop else value, origin, detail


class _Within(NamedTuple):
    """What stands in another value: its place is that one's, further on."""

    origin: _Origin
    offset: int

    def place(self, detail: Any, item: int | None = None, offset: int = 0) -> str:  # noqa: ANN401 - the origin's own
        return self.origin.place(detail, item, self.offset + offset)


def _properties(pair: Pair) -> Iterator[Pair]:
    """The settings of Spark's among a JVM's options."""
    for key, value, start in properties(pair.value):
        yield Pair(*_spark(key, value, _Within(pair.origin, start), pair.detail))


def _hadoop_value(text: str) -> str:
    """Hadoop puts in what `${…}` refers to, from more places than are known here: nothing that an allow matches."""
    return UNKNOWABLE if "${" in text else text
