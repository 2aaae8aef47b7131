"""Cases of a project: their variables, and which sources, passages and codings are of them.

Programs write cases in three ways. A `Case` may refer to sources and selections. NVivo writes each case as a code too,
with the identifier of the case: a coding with it says that the passage is of the case. MAXQDA and Quirkos write the
variables of a document as a `Case` without a name that refers to this document, or in the source itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from .collect import TRUTH, Collector
from .frames import named, report_unknown, unique

LINK_COLUMNS = ("case", "source", "document", "selection", "start", "end", "by")


class Cases(NamedTuple):
    """Three tables: a row a case, a row a value, a row a link."""

    cases: pd.DataFrame
    variables: pd.DataFrame
    links: pd.DataFrame


def read_cases(found: Collector, sources: pd.DataFrame, codings: pd.DataFrame) -> Cases:
    """Cases, their variables and links. `codings` are as given, with those whose code is a case."""
    references, values = found.case_refs.take(), found.values.take()
    given = unique(found, found.cases.take(), "cases", "case")
    document_of = _documents(given, references, values)
    names = sources.set_index("source")["name"]
    listed = pd.concat([given, pd.DataFrame({"case": document_of.index})]).drop_duplicates("case", ignore_index=True)
    listed["document"] = named(listed["case"], document_of)
    cases = pd.DataFrame(
        {
            "case": listed["case"],
            "name": listed["name"].fillna(named(listed["document"], names)),
            "kind": listed["document"].isna().map({True: "case", False: "document"}),
            "description": listed["description"],
        }
    ).astype("str")
    case_names = cases.set_index("case")["name"]
    links = _links(found, references, document_of, codings, cases["case"], names)
    links.insert(1, "case_name", named(links["case"], case_names))
    links.insert(3, "source_name", named(links["source"], names))
    return Cases(cases, _variables(found, values, document_of, case_names), links)


def _documents(given: pd.DataFrame, references: pd.DataFrame, values: pd.DataFrame) -> pd.Series:
    """The source that a case stands for, by case: unnamed ones with one source, and sources that hold variables."""
    to_sources = references[references["to"] == "source"]
    single = to_sources[~to_sources["case"].duplicated(keep=False)].set_index("case")["target"]
    unnamed = given.loc[given["name"].isna(), "case"]
    stands_for = single[single.index.isin(unnamed)]
    owners = values.loc[values["of"] == "source", "owner"].drop_duplicates()
    own = owners[~owners.isin(stands_for)]
    documents: pd.Series = pd.concat([stands_for, own.set_axis(own)]).astype("str")
    return documents


def _variables(found: Collector, values: pd.DataFrame, document_of: pd.Series, case_names: pd.Series) -> pd.DataFrame:
    declared = unique(found, found.variables.take(), "variables", "variable").set_index("variable")
    report_unknown(found, "variables", values, "variable", declared.index, "variable")
    case_of = pd.Series(document_of.index.to_numpy(), index=document_of.to_numpy(), dtype="str")
    case = values["owner"].where(values["of"] == "case", named(values["owner"], case_of))
    table = pd.DataFrame(
        {
            "case": case,
            "case_name": named(case, case_names),
            "variable": named(values["variable"], declared["name"]).fillna(values["variable"]),
            "type": named(values["variable"], declared["type"]).fillna(values["value_type"]),
            "value": values["value"],
        }
    )
    return table.drop_duplicates(ignore_index=True)


def _links(
    found: Collector,
    references: pd.DataFrame,
    document_of: pd.Series,
    codings: pd.DataFrame,
    cases: pd.Series,
    names: pd.Series,
) -> pd.DataFrame:
    to = {
        kind: references.loc[references["to"] == kind, ["case", "target"]] for kind in ("source", "selection", "code")
    }
    selections = found.selections.take()
    report_unknown(found, "case_links", to["source"], "target", names.index, "source")
    report_unknown(found, "case_links", to["selection"], "target", selections["selection"], "selection")
    whole = pd.concat([to["source"], document_of.rename_axis("case").rename("target").reset_index()])
    links = [
        whole.drop_duplicates().rename(columns={"target": "source"}).assign(by="source"),
        to["selection"].rename(columns={"target": "selection"}).merge(selections, how="left").assign(by="selection"),
        codings[codings["code"].isin(cases)].assign(case=lambda rows: rows["code"], by="coding"),
        to["code"].rename(columns={"target": "code"}).merge(codings).assign(by="code"),
    ]
    joined = pd.concat([link.reindex(columns=list(LINK_COLUMNS)) for link in links], ignore_index=True)
    dtypes = {"start": "Int64", "end": "Int64"}
    return joined.astype({name: dtypes.get(name, "str") for name in LINK_COLUMNS}).drop_duplicates(ignore_index=True)


def codings_of_cases(codings: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """A row a coding and case that it is of; a coding of no case has one row, with the case missing.

    All codings of a source are of the cases that the whole source is of; a case that has passages has the codings of
    the same selection, or whose passage shares a character (or millisecond) with one of its own. The index is that of
    `codings`.
    """
    numbered = codings.rename_axis("coding").reset_index()
    whole, passages = links[links["document"].isna()], links[links["document"].notna()]
    by_source = numbered.merge(whole[["case", "case_name", "source"]], on="source")
    place = ["case", "case_name", "document", "selection", "start", "end"]
    nearby = numbered.merge(passages[place], on="document", suffixes=("", "_of_case"))
    shared = (nearby["start"] < nearby["end_of_case"]) & (nearby["start_of_case"] < nearby["end"])
    same = nearby["selection"].eq(nearby["selection_of_case"])
    columns = [*numbered.columns, "case", "case_name"]
    found = pd.concat([by_source, nearby[shared.fillna(False) | same]])[columns].drop_duplicates(["coding", "case"])
    without = numbered[~numbered["coding"].isin(found["coding"])]
    return (
        pd.concat([found, without])
        .sort_values("coding", kind="stable")
        .set_index("coding")
        .astype({"case": "str", "case_name": "str"})
    )


def case_table(cases: pd.DataFrame, variables: pd.DataFrame) -> pd.DataFrame:
    """A row a case and a column a variable, typed as declared; a value that does not fit its type is missing."""
    first = variables.drop_duplicates(["case", "variable"])
    columns = {
        name: _typed(given.set_index("case")["value"], given["type"].iloc[0])
        for name, given in first.groupby("variable", sort=False)
    }
    values = pd.DataFrame(columns, index=pd.Index(first["case"].unique(), dtype="str"))
    return cases[["case", "name"]].join(values, on="case")


def _typed(column: pd.Series, kind: str) -> pd.Series:
    match kind:
        case "Integer":
            numbers = pd.to_numeric(column, errors="coerce")
            return numbers.where((numbers % 1 == 0) & (numbers.abs() < 2**53)).astype("Int64")
        case "Float":
            return pd.to_numeric(column, errors="coerce").astype("float64")
        case "Boolean":
            return column.str.lower().map(TRUTH).astype("boolean")
        case "Date" | "DateTime":
            return pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
        case _:
            return column


def misfits(variables: pd.DataFrame) -> Mapping[str, pd.Series]:
    """The values that do not fit the type of their variable, by variable."""
    fitting = {
        str(name): given.loc[_typed(given["value"], given["type"].iloc[0]).isna() & given["value"].notna(), "value"]
        for name, given in variables.groupby("variable", sort=False)
    }
    return {name: values for name, values in fitting.items() if len(values)}
