"""Stored calls in the formats of other programs: a format a module, a record in, text or a table out."""
