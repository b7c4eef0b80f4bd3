"""Agent frameworks, put through what goes wrong: on the SDK's client and on this library's."""
