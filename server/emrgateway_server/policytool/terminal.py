"""Text for people: coloured where a terminal shows it, and never able to steer one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "faint": "2"}


class Paint:
    """Makes text fit for one stream: printable, and coloured where the stream is a terminal and its user wants that.

    `NO_COLOR`, set to anything, is the wish to have none (no-color.org).
    """

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        wanted = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        self._on = wanted and stream.isatty()

    def __call__(self, text: str, colour: str = "") -> str:
        """The text, in a colour, or bold, or faint."""
        shown = printable(text)
        return f"\x1b[{_CODES[colour]}m{shown}\x1b[0m" if self._on and colour else shown


def printable(text: str) -> str:
    """Text without what could steer a terminal: control characters, but for line ends, are escaped."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def say(text: str) -> None:
    """Print on standard output. Whoever stopped reading it wants no more: that is no failure."""
    try:
        print(text, flush=True)  # noqa: T201 - a command prints
    except BrokenPipeError:
        # Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Print on standard error."""
    print(text, file=sys.stderr)  # noqa: T201 - a command prints
