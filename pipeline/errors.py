"""Errors people read: one line that says what, where, the value, what is allowed and the remedy."""


class EarwitnessError(Exception):
    """A fault a person can mend; its text is one line.

    Parts that are left out do not appear. `str(error)` reads
    ``what: where: got value; allowed: …; remedy``.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        value: object = None,
        allowed: str | None = None,
        remedy: str | None = None,
    ) -> None:
        parts = [what]
        if where is not None:
            parts[0] += f": {where}"
        if value is not None:
            parts.append(f"got {value!r}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        if remedy is not None:
            parts.append(remedy)
        super().__init__(" ".join("; ".join(parts).split()))


class UsageError(EarwitnessError):
    """Wrong usage or configuration; the program ends with exit code 2 and nothing is written."""


class RecordingError(EarwitnessError):
    """One recording cannot be analysed; it is quarantined with this text and the night goes on."""
