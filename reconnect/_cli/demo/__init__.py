"""The parts of the demo; `reconnect.demo` puts them together."""
