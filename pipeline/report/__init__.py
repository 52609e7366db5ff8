"""Output for people: text, tables and the report of a night. No metric is computed here."""
