"""REDCap exports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dictionary.model import Dictionary
from .records import Records


@dataclass(frozen=True)
class Redcap:
    path: str | Path
    events: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def is_redcap_header(names: Collection[str]) -> bool:
    """Whether these are the column names of a REDCap export."""
    return not {"record_id", "redcap_event_name", "redcap_repeat_instrument"}.isdisjoint(names)


def read_redcap(export: Redcap, dictionary: Dictionary) -> Mapping[str, Records]:
    raise NotImplementedError
