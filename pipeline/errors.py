"""Errors for users: one line that says what is wrong, where, the value, what is allowed and the remedy."""


class EarwitnessError(Exception):
    """An error that a user can correct; its text is one line.

    `str(error)` is ``what: where; got value; allowed: …; remedy``, without the parts that were not given.
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
    """Wrong usage or configuration; the program writes nothing and ends with exit code 2."""


class RecordingError(EarwitnessError):
    """A recording that cannot be analysed; it is quarantined with this text and the run continues."""


class TooLongError(RecordingError):
    """A recording that is longer than the settings allow."""
