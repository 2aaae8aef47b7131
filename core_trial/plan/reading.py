"""`plan.toml` read into types; every wrong key or value is an error that names its place."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import PlanError
from ..resources import shipped
from .choices import Plan
from .kinds import MODELS


def read_plan(path: Path | str | None = None) -> Plan:
    """The plan at `path`, or the one that ships with the package.

    Raises
    ------
    PlanError : the file cannot be read, is not TOML, or a key or value is wrong; names the place and what is allowed
    """
    path = Path(path) if path is not None else shipped("analysis") / "plan.toml"
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise PlanError(f"cannot read the plan {path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"the plan {path.name} is not UTF-8 text: save it as UTF-8") from error
    return parse_plan(text, path.name)


def parse_plan(text: str, name: str = "plan.toml") -> Plan:
    """The plan in `text`; `name` stands in its error messages."""
    try:
        plan = Plan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{name} is not valid TOML: {error}") from error
    except ValidationError as error:
        items = error.errors()
        inner = {item["loc"][:length] for item in items for length in range(len(item["loc"]))}
        lines = [f"  {_place(item['loc'])}: {_plain(item)}" for item in items if item["loc"] not in inner]
        raise PlanError(f"{name} does not describe a plan:\n" + "\n".join(lines)) from error
    plan._text = text
    return plan


def _place(location: Sequence[int | str]) -> str:
    """("outcome", 1, "analysis", 0, "lmm", "ddf") as "outcome 2, analysis 1, ddf"."""
    parts: list[str] = []
    for step in location:
        if isinstance(step, int):
            parts[-1] += f" {step + 1}"
        elif not (parts and parts[-1].startswith("analysis ") and step in MODELS):
            parts.append(str(step))
    return ", ".join(parts) or "the plan"


def _plain(item: Any) -> str:
    """Pydantic's message in words of the plan."""
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        return "no such key"
    if item["type"] == "missing":
        return "this key is needed"
    return f"{message} (found {item['input']!r})" if isinstance(item["input"], str | int | float | bool) else message
