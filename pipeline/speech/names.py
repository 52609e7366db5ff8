"""The names that a call's metadata gives, for the recogniser to listen for.

Only names: phrases of rules never, since the recogniser would then write what it is asked to check.
"""

from __future__ import annotations

import re

from pipeline.records import Call

FURTHER_KEYS = frozenset(
    {
        *("customer_name", "caller_name", "contact_name", "client_name", "account_name"),
        *("company", "company_name", "customer_company"),
    }
)
"""Keys of further metadata (`call.extra`), in lower case with underscores, whose values are names."""
MOST_WORDS = 4
_NAME = re.compile(r"[^\W\d_][\w'’.&-]*(?: [\w'’.&-]+)*")  # noqa: RUF001 - as people write names
_APART = re.compile(r"[\s-]+")


def names_of(call: Call) -> tuple[str, ...]:
    """The names of agent, customer and company, without those that are no names, such as numbers."""
    further = (
        value
        for key, value in sorted(call.extra.items())
        if _APART.sub("_", key.strip().lower()) in FURTHER_KEYS and isinstance(value, str)
    )
    given = (" ".join(name.split()) for name in (call.agent_name or "", *further))
    return tuple(dict.fromkeys(name for name in given if _is_name(name)))


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and len(text.split()) <= MOST_WORDS
