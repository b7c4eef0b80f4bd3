"""The emulator for clients in any language, and faults for them at the keyboard."""
