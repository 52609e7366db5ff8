"""Decodes a file to samples, removes crosstalk, and detects music, tones and cuts in them."""
