"""A table in Parquet behind a view comes to the same as the table in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import core_trial as ct
from core_trial.data.checks import FailureLog
from core_trial.data.sources.records import Content, ParquetFiles, records
from core_trial.data.store.sql import Store, connect
from core_trial.data.store.staging import create_table, stage

SCHEMA = ct.read_dictionary().tables["admissions"]

CELLS = {
    "person": st.sampled_from(["P1", " P2", "P3\u00a0", "NA", "", None]),
    "team": st.sampled_from(["T1", "T2", None]),
    "legal_status": st.sampled_from(["informal", "Detained", "detained ", "-99", "no", "", None]),
    "readmission": st.sampled_from([0, 1, 2, -99, None]),
    "admitted_on": st.sampled_from([pd.Timestamp("2014-05-01"), pd.Timestamp("2014-05-01 10:30"), None]),
    "discharged_on": st.sampled_from([pd.Timestamp("2014-05-04"), None]),
}


def staged(content: Content, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The table in DuckDB with its row numbers, the failures and the missing codes."""
    store = Store(connect(folder, None, 1), folder, FailureLog())
    create_table(store, SCHEMA)
    codes = stage(store, SCHEMA, content).missing_codes
    table = store.connection.execute("FROM numbered.admissions ORDER BY row").df()
    plain = store.connection.execute("FROM admissions").df()
    assert_frame_equal(plain, table.drop(columns="row"))
    store.connection.close()
    return table, store.log.table(), codes


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=30), text=st.booleans())
def test_parquet_is_checked_and_read_like_a_frame(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], text: bool
) -> None:
    """Rows that DuckDB passes over, rows that are looked at, and rows that are translated."""
    strings = {"person": "str", "team": "str", "legal_status": "str", "readmission": "Int64"}
    dates = {"admitted_on": "datetime64[us]", "discharged_on": "datetime64[us]"}
    admissions = pd.DataFrame(rows).astype(strings | dates)
    if text:
        admissions = admissions.astype({"admitted_on": "str", "readmission": "str"})
    folder = tmp_path_factory.mktemp("parts")
    paths = tuple(folder / f"{k}.parquet" for k in range(2))
    for path, part in zip(paths, np.array_split(np.arange(len(admissions)), 2), strict=True):
        admissions.iloc[part].to_parquet(path)
    from_files, in_memory = staged(ParquetFiles(paths), folder), staged(records(admissions), folder)
    for one, other in zip(from_files, in_memory, strict=True):
        assert_frame_equal(one, other)
