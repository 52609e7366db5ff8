"""The closed set of logics: how a rule comes to its verdict. The table of them is `rules.engine.LOGICS`."""
