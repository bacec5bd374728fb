"""Frames on the pipe: what was sent arrives, and anything else is refused with a reason."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zsi_core.engine import messages
from zsi_core.engine.messages import Message, ProtocolError, encode_message, read_message
from zsi_core.engine.replies import (
    Encoded,
    NamePresence,
    NameReport,
    NamesReport,
    Presence,
    decode_reply,
    encode_reply,
)
from zsi_core.engine.requests import Encode, Explain, Query, Request, SegmentBox, SegmentPoint, parse_request
from zsi_core.instances import Explanation, Instances
from zsi_core.instances.rle import encode

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def travelled(message: Message) -> Message:
    arrived = read_message(io.BytesIO(encode_message(message)))
    assert arrived is not None
    return arrived


@settings(max_examples=50, deadline=None)
@given(header=st.dictionaries(st.text(), values), payload=st.binary())
def test_a_message_arrives_as_it_was_sent(header: dict[str, object], payload: bytes) -> None:
    message = Message({**header, "kind": "x"}, payload)
    stream = io.BytesIO(encode_message(message) + encode_message(Message({"kind": "next"})))
    assert read_message(stream) == message
    assert read_message(stream) == Message({"kind": "next"})
    assert read_message(stream) is None


@pytest.mark.parametrize("length", [1, 4, 11, 12, 20, 30])
def test_a_torn_message_says_that_the_other_side_is_gone(length: int) -> None:
    frame = encode_message(Message({"kind": "began", "id": 7}, b"payload"))
    assert length < len(frame)
    with pytest.raises(ProtocolError, match="ended within a message"):
        read_message(io.BytesIO(frame[:length]))


def framed(
    header: bytes, *, version: int = messages.VERSION, lengths: tuple[int, int] | None = None
) -> bytes:
    return struct.pack(">3sBII", b"ZSI", version, *(lengths or (len(header), 0))) + header


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Loading and preparing results...\n", "something else writes to its pipe"),
        (b"ZS!", "something else writes"),
        (framed(b'{"kind": "x"}', version=9), "version 9 .* restart the program"),
        (framed(b"", lengths=(messages.MAX_HEADER + 1, 0)), "the header of a message must have at most"),
        (framed(b"", lengths=(2, messages.MAX_PAYLOAD + 1)), "the payload of a message must have at most"),
        (framed(b"{}"), "must be an object with a kind"),
        (framed(b"[1]"), "must be an object with a kind"),
        (framed(b'{"kind": 3}'), "must be an object with a kind"),
        (framed(b'{"kind": "x"'), "is no JSON"),
        (framed(b'{"kind": "x", "score": NaN}'), "NaN is no number"),
        (framed('{"kind": "\u00e9"}'.encode("latin-1")), "is no JSON"),
        (framed(b"[" * 100_000), "is no JSON"),
    ],
)
def test_foreign_bytes_are_refused(content: bytes, told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        read_message(io.BytesIO(content))


def test_what_is_too_large_or_not_finite_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_PAYLOAD", 10)
    with pytest.raises(ProtocolError, match="at most 10 bytes, but it has 11"):
        encode_message(Message({"kind": "x"}, bytes(11)))
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_message(Message({"kind": "x", "score": float("inf")}))


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    "request_",
    [
        Query("a\udcff.jpg", ("hair drier", "cat"), "gzsi", 0.25, 7),
        Encode("a.jpg", ahead=True),
        SegmentPoint("a.jpg", 1.0, 2.5),
        SegmentBox("a.jpg", (0.0, 1.0, 2.0, 3.5), "cat"),
        Explain("a.jpg", region=3, names=("cat",)),
    ],
)
def test_a_request_arrives_as_it_was_sent(request_: Request[object]) -> None:
    message = travelled(Message({**request_.to_header(), "id": 1, "priority": 2}))
    assert parse_request(message.header) == request_


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"kind": "Fly"}, "knows no request 'Fly'"),
        ({"kind": "Query", "names": ["cat"]}, "Query needs 'path'"),
        ({"kind": "Query", "path": "a", "names": "cat"}, "Query.names must be .*, but got 'cat'"),
        ({"kind": "Query", "path": "a", "names": [1]}, "Query.names must be str, but got 1"),
        ({"kind": "Query", "path": "a", "names": [], "mode": "x"}, "Query.mode must be"),
        ({"kind": "Query", "path": "a", "names": [], "max_instances": True}, "max_instances must be int"),
        ({"kind": "Query", "path": "a", "names": [], "colour": 1}, "Query has no 'colour'"),
        ({"kind": "SegmentBox", "path": "a", "box": [1, 2, 3]}, "box must have 4 values, but got 3"),
    ],
)
def test_a_malformed_request_is_refused(header: dict[str, object], told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        parse_request(header)


# ---------------------------------------------------------------- replies


def instances(count: int) -> Instances:
    rng = np.random.default_rng(count)
    masks = rng.random((count, 20, 30)) > 0.5
    corners = np.sort(rng.random((count, 2, 2)).astype(np.float32), axis=1)
    return Instances(
        boxes=corners.reshape(count, 4),
        scores=rng.random(count).astype(np.float32),
        names=tuple(f"näme {i}" for i in range(count)),
        masks=tuple(encode(mask) for mask in masks),
        runner_up_names=("",) * count,
        runner_up_scores=rng.random(count).astype(np.float32),
        region_indices=rng.integers(-1, 300, count),
        image_size=(20, 30),
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_instances_arrive_bit_by_bit(count: int) -> None:
    found = instances(count)
    got = decode_reply(travelled(encode_reply(3, found)))
    for field in ("boxes", "scores", "runner_up_scores", "region_indices"):
        np.testing.assert_array_equal(getattr(got, field), getattr(found, field))
        assert getattr(got, field).dtype == getattr(found, field).dtype
    for field in ("names", "masks", "runner_up_names", "image_size"):
        assert getattr(got, field) == getattr(found, field)


@pytest.mark.parametrize(
    "reply",
    [
        Encoded((480, 640), 100, "disk", True),
        Presence((NamePresence("cat", 0.5, False),)),
        Explanation(("cat", "dog"), (0.5, 0.25), 0.25, 0.125),
        NamesReport(
            (NameReport("cats", "singular", "plural folded", ("cat",), (), (), "", "cat", (("dog", 0.5),)),),
            (("couch", "sofa", 0.9),),
        ),
    ],
)
def test_a_reply_arrives_as_it_was_sent(reply: object) -> None:
    assert decode_reply(travelled(encode_reply(3, reply))) == reply


@pytest.mark.parametrize(
    "damage",
    [
        {"reply": "Nothing"},
        {"value": None},
        {"value": {"names": ["cat"]}},
    ],
)
def test_a_malformed_reply_is_refused(damage: dict[str, object]) -> None:
    message = encode_reply(3, instances(1))
    with pytest.raises(ProtocolError, match="malformed reply"):
        decode_reply(Message({**json.loads(json.dumps(message.header)), **damage}, message.payload))


def test_instances_without_all_of_their_masks_are_refused() -> None:
    message = encode_reply(3, instances(2))
    with pytest.raises(ProtocolError, match="masks must be a tuple of 2"):
        decode_reply(Message(json.loads(json.dumps(message.header)), message.payload.split(b"\n")[0]))
