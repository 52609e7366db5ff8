"""Sealed clear text: one encrypted blob a recording, with a key of its own that can be destroyed."""
