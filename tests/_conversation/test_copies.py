"""Copies stay as they are, and hold the caller's own objects as they are."""

from google.genai import types
from tools import Uncopyable, tool

from reconnect._conversation.copies import copy_of


def test_copy_is_not_changed():
    """A copy stays as it is, whatever the caller changes in what it was made of."""
    buffer = bytearray(b"1")
    blob = types.Blob(data=b"1", mime_type="audio/pcm")
    part = types.Part(inline_data=blob)
    response = {"seats": [1, {"row": 2}]}
    content = types.Content(role="user", parts=[part])
    result = types.FunctionResponse(id="1", name="f", response=response)
    given = {
        "buffer": buffer,
        "view": memoryview(buffer),
        "tuple": (content, [buffer]),
        "content": content,
        "result": result,
        "number": 5,
        "nothing": None,
    }
    copied = copy_of(given)
    assert copied == {
        **given,
        "buffer": b"1",
        "view": b"1",
        "tuple": [content, [b"1"]],
    }
    before = copy_of(copied)
    buffer[0] = ord("2")
    blob.data = b"2"
    part.text = "more"
    content.parts.append(part)
    content.role = "model"
    response["seats"][1]["row"] = 3
    response["seats"].append(4)
    given["tuple"][1].append(5)
    given["more"] = 6
    assert copied == before
    assert copied["content"].parts[0].inline_data.data == b"1"
    assert copied["result"].response == {"seats": [1, {"row": 2}]}


def test_copy_says_no_more_and_no_less():
    """A copy of the SDK's types has the fields that were set, be they None, and no others."""
    given = types.Blob(data=b"1", mime_type=None)
    copied = copy_of(given)
    assert copied == given
    assert copied.model_fields_set == {"data", "mime_type"}


def test_what_is_no_data_is_kept_as_it_is():
    """A copy holds the caller's own callables, classes and objects: they may not be copied."""
    keeper = Uncopyable()
    update = types.LiveConnectConfig(tools=[tool, keeper.tool])
    for given in (tool, keeper.tool, keeper, types.Content, "text", b"bytes", 1.5, None):
        assert copy_of(given) is given
        assert copy_of([given])[0] is given
    copied = copy_of({"tools": [tool, keeper.tool], "config": update})
    assert copied["tools"] == [tool, keeper.tool]
    assert copied["config"].tools == [tool, keeper.tool]
    assert copied["config"] is not update
