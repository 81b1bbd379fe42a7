"""Command lines out of few words, so that options, their twins, repeats, spellings and defaults meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

_WORDS: Any = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
_COUNTS = [0, 1, 1, 2, 2, 3, 3, 4, 5, 8]
# How often a line has odd pieces at all; one that has none should be accepted.
_ODD_LINES, _ODD_PIECES = 0.4, 0.15


@dataclass(frozen=True)
class Line:
    """A job's command line: what stands in sparkSubmitParameters, piece by piece, and beside it."""

    pieces: tuple[str, ...]
    defaults: tuple[tuple[tuple[str, str], ...], ...] = ()
    entry_point: str = "s3://c/main.py"
    arguments: tuple[str, ...] = ()

    @property
    def parameters(self) -> str:
        """The string."""
        return "".join(self.pieces)

    @property
    def merged_defaults(self) -> dict[str, str]:
        """All `spark-defaults` as one."""
        return {key: value for block in self.defaults for key, value in block}

    @property
    def request(self) -> dict[str, Any]:
        """The line as a request in AWS's form; each block of defaults stands inside the one before."""
        submit: dict[str, Any] = {"entryPoint": self.entry_point, "entryPointArguments": list(self.arguments)}
        if self.parameters:
            submit["sparkSubmitParameters"] = self.parameters
        blocks: list[dict[str, Any]] = []
        for block in reversed(self.defaults):
            nested = {"configurations": blocks} if blocks else {}
            blocks = [{"classification": "spark-defaults", "properties": dict(block), **nested}]
        return {
            "applicationId": "00x",
            "clientToken": "t",
            "executionRoleArn": "arn:aws:iam::123456789012:role/x",
            "jobDriver": {"sparkSubmit": submit},
            **({"configurationOverrides": {"applicationConfiguration": blocks}} if blocks else {}),
        }

    def smaller(self) -> Iterator[Line]:
        """The same line with one thing less."""
        for index in range(len(self.pieces)):
            yield replace(self, pieces=self.pieces[:index] + self.pieces[index + 1 :])
        for index, block in enumerate(self.defaults):
            for entry in range(len(block)):
                less = block[:entry] + block[entry + 1 :]
                kept = (less,) if less else ()
                yield replace(self, defaults=self.defaults[:index] + kept + self.defaults[index + 1 :])
        if self.arguments:
            yield replace(self, arguments=self.arguments[:-1])


def line(seed: str) -> Line:
    """The command line of a seed."""
    return _Maker(Random(seed)).line()  # noqa: S311 - no secret, and the same again by its seed


class _Maker:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._is_odd = random.random() < _ODD_LINES

    def line(self) -> Line:
        pieces: list[str] = []
        for _ in range(self._random.choice(_COUNTS)):
            pieces += [self._option(), self._blank(12)]
        if self._is(0.5):
            pieces = pieces[:-1]
        if self._is(0.1):
            pieces = [self._blank(1), *pieces]
        return Line(
            tuple(pieces),
            tuple(self._block() for _ in range(self._random.choice([0, 0, 1, 1, 2 if self._is_odd else 1]))),
            self._random.choice(_WORDS["entry_points"]),
            tuple(self._random.choice(_WORDS["arguments"])),
        )

    def _option(self) -> str:
        if self._is(0.5):
            flag, value = self._random.choice(["--conf", "--conf", "-c"]), self._pair()
        elif self._strikes():
            return str(self._random.choice(_WORDS["bare"] + _WORDS["odd_switches"]))
        elif self._is(0.1):
            return str(self._random.choice(_WORDS["switches"]))
        else:
            options = _WORDS["odd_options" if self._strikes() else "options"]
            flag = self._random.choice(list(options))
            value = self._random.choice(_WORDS["odd_values"] if self._strikes() else options[flag])
        if self._strikes():
            return flag
        joint = "=" if flag != "-c" and self._is(0.25) else self._blank(8)
        return f"{flag}{joint}{value}"

    def _pair(self) -> str:
        key, value = self._one("keys"), self._one("values")
        return key if self._strikes() else f"{key}={value}"

    def _block(self) -> tuple[tuple[str, str], ...]:
        entries = {}
        for _ in range(self._random.randint(1, 4)):
            key, value = self._one("keys"), self._one("values")
            if self._strikes():
                key, value = (text.format(key=key, value=value) for text in self._random.choice(_WORDS["odd_entries"]))
            entries[key] = value
        return tuple(entries.items())

    def _blank(self, spaces: int) -> str:
        """A blank, mostly a space."""
        return " " if self._random.randrange(spaces + 1) else self._one("blanks")

    def _one(self, words: str) -> str:
        return str(self._random.choice(_WORDS[f"odd_{words}" if self._strikes() else words]))

    def _strikes(self) -> bool:
        return self._is_odd and self._is(_ODD_PIECES)

    def _is(self, probability: float) -> bool:
        return self._random.random() < probability
