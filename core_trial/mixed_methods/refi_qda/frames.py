"""From what was gathered to tables: identifiers joined to names, unknown and repeated ones reported."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from .collect import TRUTH, Collector
from .stream import Element

PATH = " > "
"""Between the names of a code and the codes above it."""


def code_frame(found: Collector) -> pd.DataFrame:
    """A row a code, those above before those below."""
    paths: dict[Element, tuple[str, ...]] = {}
    rows = []
    for element, parent in found.codes.items():
        paths[element] = (*paths.get(parent, ()), element.get("name")) if parent else (element.get("name"),)
        codable = element.get("isCodable").strip().lower()
        if codable not in TRUTH:
            message = f"the code {element.get('name')!r} has {codable!r} as isCodable; it is taken as codable"
            found.report("codes", "codable", message, column="codable", value=codable)
        rows.append(
            {
                "code": element.guid("guid"),
                "name": element.get("name"),
                "parent": parent.guid("guid") if parent else None,
                "path": PATH.join(paths[element]),
                "depth": len(paths[element]),
                "codable": TRUTH.get(codable, True),
                "color": element.get("color") or None,
                "description": element.part("Description") or None,
            }
        )
    dtypes = {"depth": "int64", "codable": "bool"}
    columns = ("code", "name", "parent", "path", "depth", "codable", "color", "description")
    codes = pd.DataFrame(rows, columns=list(columns)).astype({name: dtypes.get(name, "str") for name in columns})
    return unique(found, codes, "codes", "code")


def unique(found: Collector, frame: pd.DataFrame, table: str, key: str) -> pd.DataFrame:
    """The frame with the first of the rows that have the same identifier; the others are reported."""
    again = frame[key].duplicated()
    for guid, n in frame.loc[again, key].value_counts(sort=False).items():
        message = f"the identifier {guid} is given {n + 1} times; the first is kept"
        found.report(table, "unique_identifier", message, column=key, value=guid)
    return frame[~again].reset_index(drop=True)


def user_labels(users: pd.DataFrame) -> pd.Series:
    """A name for each user, by identifier: the name, or what tells apart those who share it or have none."""
    name = users["name"].where(users["name"] != "", users["id"]).where(lambda names: names != "", users["user"])
    shared = name.duplicated(keep=False)
    return name.where(~shared, name + " (" + users["user"] + ")").set_axis(users["user"])


def named(keys: pd.Series, names: pd.Series) -> pd.Series:
    """The name of each key, missing where `names` has none; each name is looked up once."""
    positions, unique_keys = pd.factorize(keys)
    found = names[~names.index.duplicated()].reindex(unique_keys).array.take(positions, allow_fill=True)
    return pd.Series(found, index=keys.index, dtype="str")


def report_unknown(
    found: Collector, table: str, frame: pd.DataFrame, column: str, known: pd.Series | pd.Index, noun: str
) -> None:
    """Report each identifier of the column that is not known, with how many rows have it."""
    strange = frame[column][frame[column].notna() & ~frame[column].isin(known)]
    for guid, rows in strange.groupby(strange, sort=False):
        message = _unknown_message(guid, noun, len(rows))
        found.report(table, f"known_{noun}", message, row=int(rows.index[0]) + 1, column=column, value=guid)


def _unknown_message(guid: Hashable, noun: str, n: int) -> str:
    if guid == "":
        return f"rows that name no {noun}: {n:,}; they are kept without one"
    return f"{guid} is no {noun} of the file; rows with it: {n:,}, kept without its name"


def coding_frame(
    found: Collector, given: pd.DataFrame, codes: pd.DataFrame, sources: pd.DataFrame, users: pd.Series
) -> pd.DataFrame:
    """A row a coding, with the names of source, code and coder; a coder who is no user is named by the identifier."""
    report_unknown(found, "codings", given, "code", codes["code"], "code")
    report_unknown(found, "codings", given, "coder", users.index, "user")
    by_code = codes.set_index("code")
    coder = given["coder"].where(given["coder"] != "")
    return pd.DataFrame(
        {
            "source": given["source"],
            "source_name": named(given["source"], sources.set_index("source")["name"]),
            **{name: given[name] for name in ("document", "selection", "kind", "start", "end", "page", "area")},
            "code": given["code"].where(given["code"] != ""),
            "code_name": named(given["code"], by_code["name"]),
            "code_path": named(given["code"], by_code["path"]),
            "coder": named(coder, users).fillna(coder),
            "time": times(found, given["time"], "codings"),
        }
    )


def source_frame(found: Collector, users: pd.Series) -> pd.DataFrame:
    """A row a document: sources, the texts of PDFs and recordings (`part_of` a source), and notes that are coded."""
    sources = unique(found, found.sources.take(), "sources", "source")
    names = sources.set_index("source")["name"]
    of_part = named(sources["part_of"], names)
    return sources.assign(
        name=sources["name"].where(sources["name"] != "", of_part),
        created_by=named(sources["created_by"], users).fillna(sources["created_by"]).where(sources["created_by"] != ""),
        time=times(found, sources["time"], "sources"),
    )


def set_frame(found: Collector, names: pd.Series) -> pd.DataFrame:
    """A row a member of a set; a set without members has one row. `names` are those of codes and sources."""
    sets = found.sets.take()
    filled = sets.loc[sets["member"].notna(), "set"]
    sets = sets[sets["member"].notna() | ~sets["set"].isin(filled)].reset_index(drop=True)
    members = sets.where(sets["kind"] != "note")
    report_unknown(found, "sets", members, "member", names.index, "member")
    return sets.assign(member_name=named(sets["member"], names))


def note_frame(found: Collector) -> pd.DataFrame:
    """How many notes there are, and how many are attached to what."""
    return pd.DataFrame({"what": sorted(found.notes), "n": [found.notes[what] for what in sorted(found.notes)]}).astype(
        {"what": "str", "n": "int64"}
    )


def times(found: Collector, written: pd.Series, table: str) -> pd.Series:
    """Times in UTC; what is no time in ISO 8601 is reported and missing."""
    read = pd.to_datetime(written, utc=True, format="ISO8601", errors="coerce").dt.as_unit("us")
    wrong = written[read.isna() & written.notna() & (written != "")]
    if len(wrong):
        message = f"times that are not in ISO 8601: {len(wrong):,}, the first {wrong.iloc[0][:40]!r}; they are missing"
        found.report(table, "time", message, row=int(wrong.index[0]) + 1, column="time", value=wrong.iloc[0][:40])
    return read
