"""Framed messages between the client and the engine process.

A frame on the pipe:

    3 bytes  "ZSI"
    1 byte   version of the protocol
    4 bytes  length of the header, big-endian
    4 bytes  length of the payload, big-endian
    header   JSON object in ASCII; "kind" says what it is (see `zsi_core.engine.server`)
    payload  raw bytes, which the header describes; often none

Both sides come from one installation, so a wrong version means that files were replaced while it ran.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from zsi_core.errors import EngineError

VERSION = 1
MAX_HEADER = 32 << 20
MAX_PAYLOAD = 256 << 20

_MAGIC = b"ZSI"
_PREFIX = struct.Struct(">3sBII")
_SHOWN_BYTES = 40


class ProtocolError(EngineError):
    """What came over the pipe is no message of this protocol."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        header: plain values, with a "kind".
        payload: raw bytes.
    """

    header: dict[str, Any]
    payload: bytes = b""

    @property
    def kind(self) -> str:
        """What the message is."""
        return str(self.header["kind"])


def encode_message(message: Message) -> bytes:
    """Bytes of a frame.

    Raises:
        ProtocolError: the message is too large.
        ValueError: a number of the header is not finite.
    """
    header = json.dumps(message.header, allow_nan=False, separators=(",", ":")).encode("ascii")
    _check_lengths(len(header), len(message.payload))
    return _PREFIX.pack(_MAGIC, VERSION, len(header), len(message.payload)) + header + message.payload


def read_message(stream: BinaryIO) -> Message | None:
    """The next message; None where the stream ends before one.

    Raises:
        ProtocolError: the stream ends within a message, or holds something else.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if not prefix.startswith(_MAGIC[: len(prefix)]):
        raise ProtocolError(
            f"expected a message of the engine, but got {prefix + _rest(stream)!r}: something else writes to "
            "its pipe"
        )
    if len(prefix) < _PREFIX.size:
        raise _torn(len(prefix), _PREFIX.size)
    _, version, header_length, payload_length = _PREFIX.unpack(prefix)
    if version != VERSION:
        raise ProtocolError(
            f"the other side speaks version {version} of the engine's protocol, this one {VERSION}: "
            "restart the program, its files were replaced"
        )
    _check_lengths(header_length, payload_length)
    header = _parsed(_exactly(stream, header_length))
    return Message(header, _exactly(stream, payload_length))


def _exactly(stream: BinaryIO, length: int) -> bytes:
    content = stream.read(length) if length else b""
    if len(content) < length:
        raise _torn(len(content), length)
    return content


def _torn(got: int, expected: int) -> ProtocolError:
    return ProtocolError(
        f"the stream of the engine ended within a message (after {got} of {expected} bytes): "
        "the process at its other end is gone"
    )


def _rest(stream: BinaryIO) -> bytes:
    """A few more bytes, if they are there already, for the error message."""
    peek = getattr(stream, "peek", None)
    return peek(1)[:_SHOWN_BYTES] if peek else b""


def _check_lengths(header: int, payload: int) -> None:
    for name, length, limit in (("header", header, MAX_HEADER), ("payload", payload, MAX_PAYLOAD)):
        if length > limit:
            raise ProtocolError(
                f"the {name} of a message must have at most {limit} bytes, but it has {length}: ask for less"
            )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        header = json.loads(content.decode("ascii"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            f"the header of a message is no JSON ({error}): {content[:_SHOWN_BYTES]!r}"
        ) from error
    if not isinstance(header, dict) or not isinstance(header.get("kind"), str):
        raise ProtocolError(
            f"the header of a message must be an object with a kind, but got {content[:_SHOWN_BYTES]!r}"
        )
    return header


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
