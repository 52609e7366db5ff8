"""The phrase language: recognised words become tokens, patterns an automaton that finds them."""
