"""Baseline characteristics by arm, of teams and of people (CONSORT cluster extension, item 15): no p values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from .data.dictionary import Field
from .data.trial import Trial
from .report.cells import SUPPRESSED
from .report.disclosure import PRESETS, TOTAL, Disclosure, Protected

GROUPS = ("intervention", "control", TOTAL)
PEOPLE = {"patients": "Patients", "staff": "Staff"}
PANEL_MEASURES = {
    "fidelity": "Fidelity score, points",
    "admission_rate": "Admissions, per 1,000 person-years",
    "bed_day_rate": "Bed days, per 1,000 person-years",
}
QUARTILES = "median (quartiles)"
WHOLE = "median (quartiles), whole numbers"
QUESTIONNAIRE_ITEM = re.compile(r"_\d+$")

Row = dict[str, object]


@dataclass(frozen=True)
class Baseline:
    """Baseline characteristics as they may be shown, and what disclosure control did to them.

    `frame` has a row a characteristic or category: `level` (Teams, Patients, Staff), `characteristic`, `statistic`,
    and for each of `GROUPS` its value, `_low` and `_high` (SD, quartiles or per cent, as the statistic says) and `_n`,
    those with a value. Counts of people that the rules withhold are "*".
    """

    frame: pd.DataFrame
    actions: tuple[dict[str, str], ...]


def baseline(trial: Trial, disclosure: Disclosure) -> Baseline:
    """Teams by median and quartiles, people by mean and SD; questionnaire items are left to their totals."""
    rows, actions = list(_teams(trial)), list[dict[str, str]]()
    for table in (table for table in PEOPLE if table in trial.tables):
        people = (
            trial.table(table).query("wave == 'baseline'").merge(trial.table("allocation")[["team", "arm"]], on="team")
        )
        level = PEOPLE[table]
        rows += [
            _number(level, level, people),
            _quartiles(
                level, f"{level} in a team", people.groupby(["team", "arm"], as_index=False).size(), "size", whole=True
            ),
        ]
        for field in _described(trial, table):
            if field.categories:
                protected = disclosure.protect(_counts(field, people), field.label)
                actions += protected.actions
                rows += _categories(level, field, protected)
            else:
                rows.append(_mean(level, field, people, disclosure))
    return Baseline(pd.DataFrame(rows), tuple(actions))


def _teams(trial: Trial) -> Iterator[Row]:
    panel = trial.panel().query("timepoint == 0")[["team", "arm", *PANEL_MEASURES]]
    teams = trial.table("teams").merge(panel, on="team")
    yield _number("Teams", "Teams", teams)
    for field in _described(trial, "teams"):
        if field.categories:
            yield from _categories("Teams", field, PRESETS["none"].protect(_counts(field, teams)))
        else:
            yield _quartiles("Teams", _named(field), teams, field.name, whole=field.type == "integer")
    for column, label in PANEL_MEASURES.items():
        if teams[column].notna().any():
            yield _quartiles("Teams", label, teams, column)


def _described(trial: Trial, table: str) -> Iterator[Field]:
    """The columns of a table that describe: no identifiers, free text, dates or single items of a questionnaire."""
    for field in trial.dictionary.tables[table].fields:
        describes = field.categories or field.type in ("integer", "number")
        if describes and not (field.identifier or field.name == "wave" or QUESTIONNAIRE_ITEM.search(field.name)):
            yield field


def _named(field: Field) -> str:
    return f"{field.label}, {field.unit}" if field.unit else field.label


def _groups(data: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for group in GROUPS:
        yield group, data if group == TOTAL else data[data["arm"] == group]


def _number(level: str, label: str, data: pd.DataFrame) -> Row:
    row: Row = {"level": level, "characteristic": label, "statistic": "number"}
    return row | {group: len(rows) for group, rows in _groups(data)}


def _quartiles(level: str, label: str, data: pd.DataFrame, column: str, *, whole: bool = False) -> Row:
    row: Row = {"level": level, "characteristic": label, "statistic": WHOLE if whole else QUARTILES}
    for group, rows in _groups(data):
        values = rows[column].astype(float)
        low, median, high = values.quantile([0.25, 0.5, 0.75])
        row |= {group: median, f"{group}_low": low, f"{group}_high": high, f"{group}_n": int(values.count())}
    return row


def _mean(level: str, field: Field, data: pd.DataFrame, disclosure: Disclosure) -> Row:
    row: Row = {"level": level, "characteristic": _named(field), "statistic": "mean (SD)"}
    for group, rows in _groups(data):
        values = rows[field.name].astype(float)
        n = int(values.count())
        shown = (values.mean(), values.std(), n) if disclosure.allows_summary(n) else (SUPPRESSED,) * 3
        row |= dict(zip((group, f"{group}_low", f"{group}_n"), shown, strict=True))
    return row


def _counts(field: Field, data: pd.DataFrame) -> pd.DataFrame:
    """Categories of a column in the order of the dictionary, and those without a value, by arm."""
    labels = {str(code): label for code, label in (field.categories or {}).items()}
    values = data[field.name].astype("string").map(labels).fillna("Missing")
    order = [*labels.values(), *(["Missing"] if (values == "Missing").any() else [])]
    return pd.crosstab(values, data["arm"]).reindex(index=order, columns=list(GROUPS[:2]), fill_value=0)


def _categories(level: str, field: Field, counts: Protected) -> Iterator[Row]:
    yield {"level": level, "characteristic": field.label, "statistic": "number (%)"}
    percent = counts.percent()
    for category in counts.frame.index.drop(TOTAL):
        row: Row = {"level": level, "characteristic": category, "statistic": "number (%) of category"}
        for group in GROUPS:
            row |= {group: counts.frame.loc[category, group], f"{group}_low": percent.loc[category, group]}
        yield row
