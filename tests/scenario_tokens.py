"""What of a message counts when two conversations are compared."""

from __future__ import annotations


def call_key(name, arguments):
    """Return what makes a call the same as another one, whatever its id."""
    return name, tuple(sorted(arguments.items()))


def responses(arguments):
    """Return the tool responses in a client message."""
    responses = arguments["function_responses"]
    if not isinstance(responses, list):
        responses = [responses]
    return [r if isinstance(r, dict) else r.model_dump() for r in responses]


def is_error(entry):
    """Tell whether an entry of a tap's log gives up a tool call."""
    _, name, arguments = entry
    return name == "send_tool_response" and any(
        "error" in response["response"] for response in responses(arguments)
    )


def texts(name, arguments):
    """Return the user's texts in a client message."""
    if name == "send_client_content":
        turns = arguments.get("turns") or []
        turns = turns if isinstance(turns, list) else [turns]
        return [turn["parts"][0]["text"] for turn in turns if turn["role"] == "user"]
    return [arguments["text"]] if arguments.get("text") else []


def shown_tokens(message):
    """Reduce a message of the SDK's to what matters of it."""
    tokens = []
    content = message.server_content
    if content is not None:
        tokens += [("text", message.text)] if message.text else []
        tokens += [("interrupted",)] if content.interrupted else []
        tokens += [("end",)] if content.turn_complete else []
    if message.tool_call is not None:
        tokens += [
            ("call", call.id, call_key(call.name, call.args))
            for call in message.tool_call.function_calls
        ]
    if message.tool_call_cancellation is not None:
        tokens.append(("cancel", *message.tool_call_cancellation.ids))
    if message.session_resumption_update is not None:
        tokens.append(("handle", message.session_resumption_update.new_handle))
    return tuple(tokens)


def wire_tokens(message):
    """Reduce a message on the wire to the same."""
    tokens = []
    content = message.get("serverContent", {})
    for part in content.get("modelTurn", {}).get("parts", []):
        tokens.append(("text", part["text"]))
    tokens += [("interrupted",)] if content.get("interrupted") else []
    tokens += [("end",)] if content.get("turnComplete") else []
    tokens += [
        ("call", call.get("id"), call_key(call["name"], call["args"]))
        for call in message.get("toolCall", {}).get("functionCalls", [])
    ]
    if "toolCallCancellation" in message:
        tokens.append(("cancel", *message["toolCallCancellation"]["ids"]))
    if "sessionResumptionUpdate" in message:
        tokens.append(("handle", message["sessionResumptionUpdate"].get("newHandle")))
    return tuple(tokens)
