"""What a message's descriptor says of its members: the spellings, the shape and the words of each."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.message import Message

# proto3 has no map of lists; this message stands for the list, and documents may leave it out, as AWS does.
STRING_LIST: Final = "emrgateway.v1.StringList"
TIMESTAMP: Final = "google.protobuf.Timestamp"


def descriptor(message: Message) -> Descriptor:
    """A message's descriptor; the type stubs tell apart two classes that are one at run time."""
    return cast("Descriptor", message.DESCRIPTOR)


def spellings(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Every spelling of every member: AWS's camelCase, which is the field's JSON name, and the proto's own."""
    return {name: member for member in message.fields for name in (member.json_name, member.name)}


def map_entry(member: FieldDescriptor) -> Descriptor | None:
    """The message of a map's entries, None where the member is no map."""
    entry = member.message_type
    return entry if entry is not None and entry.GetOptions().map_entry else None


def is_repeated(member: FieldDescriptor) -> bool:
    """Whether the member is a list or a map."""
    # protobuf 6.31 has `is_repeated` and deprecates `label`; 6.30 has `label` alone.
    if hasattr(member, "is_repeated"):
        return bool(member.is_repeated)
    return bool(member.label == member.LABEL_REPEATED)  # type: ignore[attr-defined] # stubs are of the newest


def enum_words(enum: EnumDescriptor) -> dict[str, int]:
    """AWS's words for an enum's values, in order: `{"BATCH": 1, "STREAMING": 2}`; "unspecified" is none."""
    unspecified = enum.values_by_number[0].name
    prefix = unspecified.removesuffix("UNSPECIFIED")
    return {value.name.removeprefix(prefix): value.number for value in enum.values if value.name != unspecified}


def enum_number(enum: EnumDescriptor, text: str) -> int | None:
    """The number of AWS's word or of the proto's name, None where the enum has no such value."""
    words = enum_words(enum)
    number = words.get(text)
    if number is None and text in enum.values_by_name:
        number = enum.values_by_name[text].number
    return number or None


def near(wrong: str, allowed: list[str]) -> str | None:
    """The allowed name that was probably meant, if any."""
    squeezed = {name.replace("_", "").casefold(): name for name in allowed}
    same = squeezed.get(wrong.replace("_", "").replace("-", "").casefold())
    if same is not None:
        return same
    # 0.6 is difflib's own cutoff. A lone word ("arguments") is looked for within the longer names too.
    close = difflib.get_close_matches(wrong, allowed, n=1)
    if close:
        return close[0]
    within = [name for name in allowed if name.casefold().endswith(wrong.casefold())]
    return within[0] if len(within) == 1 else None
