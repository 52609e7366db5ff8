"""From a file to samples, and what sounds in them: channels, crosstalk, music and tones."""
