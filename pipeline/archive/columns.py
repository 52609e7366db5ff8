"""Which column of a manifest holds which fact: names that telephone systems use, and a site's own mapping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

ALIASES: Mapping[str, tuple[str, ...]] = {
    "file": (
        "file",
        "filename",
        "file_name",
        "path",
        "file_path",
        "uri",
        "recording",
        "recording_file",
        "recording_file_name",
        "recording_filename",
        "recording_path",
        "recording_uri",
        "recording_url",
        "recording_name",
        "recordings",
        "record_file",
        "rec_file",
        "audio",
        "audio_file",
        "audio_path",
        "audio_uri",
        "media_file",
        "media_uri",
        "sound_file",
        "wav_file",
        "voice_file",
        "s3_key",
        "s3_uri",
        "object_key",
        "location",
    ),
    "call_ref": (
        "call_ref",
        "call_id",
        "call_reference",
        "call_uuid",
        "call_guid",
        "call_sid",
        "conversation_id",
        "interaction_id",
        "contact_id",
        "unique_id",
        "linked_id",
        "session_id",
        "call_number",
        "ucid",
        "recording_id",
        "history_id",
        "vicidial_id",
    ),
    "started_at": (
        "started_at",
        "start_time",
        "start_date_time",
        "start_timestamp",
        "start_time_utc",
        "start_date",
        "started",
        "start",
        "timestamp",
        "call_start",
        "call_start_time",
        "call_started_at",
        "call_date_time",
        "call_date",
        "call_time",
        "conversation_start",
        "conversation_start_time",
        "recording_start_time",
        "recorded_at",
        "initiation_timestamp",
        "begin_time",
        "begin",
        "start_stamp",
        "start_epoch",
        "setup_time",
        "date_time",
        "datetime",
        "date",
    ),
    "direction": (
        "direction",
        "call_direction",
        "initial_direction",
        "originating_direction",
        "call_type",
        "initiation_method",
        "in_out",
        "dir",
    ),
    "queue": (
        "queue",
        "queue_name",
        "skill",
        "skill_name",
        "skill_group",
        "service_name",
        "campaign",
        "campaign_name",
        "campaign_id",
        "hunt_group",
        "queue_id",
    ),
    "agent_id": (
        "agent_id",
        "agent_login",
        "agent_number",
        "agent_extension",
        "user_id",
        "operator_id",
        "employee_id",
        "advisor_id",
        "rep_id",
    ),
    "agent_name": (
        "agent_name",
        "agent",
        "agent_full_name",
        "agent_username",
        "operator_name",
        "operator",
        "advisor_name",
        "advisor",
        "employee_name",
        "rep_name",
        "user_name",
    ),
    "customer_ref": (
        "customer_ref",
        "customer_id",
        "customer_number",
        "customer_reference",
        "client_id",
        "account_id",
        "account_number",
        "crm_id",
    ),
    "jurisdictions": ("jurisdictions", "jurisdiction", "states", "state"),
    "agent_channel": ("agent_channel", "agent_side", "agent_audio_channel"),
    **{name: (name,) for name in ("holds", "pauses")},
}
"""Column names by fact, likelier ones first; other columns are kept as `extra`."""

FACTS = tuple(ALIASES)

_PLAIN = {
    fact: tuple(dict.fromkeys(alias.replace("_", "") for alias in aliases))
    for fact, aliases in ALIASES.items()
}


def plain(name: str) -> str:
    """A column's name without what systems spell differently: capitals, spaces, hyphens, underscores, dots.

    >>> plain("startTime"), plain("Start time"), plain("start_time")
    ('starttime', 'starttime', 'starttime')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def columns_of(names: Iterable[str], mapping: Mapping[str, str] | None = None) -> dict[str, str]:
    """The fact that each of the `names` holds; names that hold none are left out.

    `mapping` gives the column of some facts, by fact; it wins over the known names. The path of a nested
    value, such as `call.agent.name`, counts as its column's name.
    """
    return dict(_columns_of(tuple(names), tuple((mapping or {}).items())))


@lru_cache(maxsize=1024)
def _columns_of(names: tuple[str, ...], mapping: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """As `columns_of`; the rows of a manifest mostly have the same columns."""
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    columns: dict[str, str] = {}
    for fact, column in mapping:
        if given := by_plain.get(plain(column)):
            columns.setdefault(given, fact)
    for fact in FACTS:
        if fact in columns.values():
            continue
        free = [by_plain[alias] for alias in _PLAIN[fact] if by_plain.get(alias, "") not in {"", *columns}]
        if free:
            columns[free[0]] = fact
    return columns
