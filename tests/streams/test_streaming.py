"""`ct.lmm` of Parquet, queries and relations: the same digits as in memory, and what it refuses."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core_trial as ct
from core_trial.streams import sums as row_sums

FORMULA = "y ~ arm + age + (1 | team)"
TOLERANCE = 1e-9
"""Relative, of estimates, standard errors, degrees of freedom and the log-likelihood."""

FORMULAS = [
    FORMULA,
    "y ~ 1 + (1 | team)",
    "y ~ 0 + arm + age + (1 | team)",
    "y ~ arm * C(month) + age + (month | team)",
    "y ~ arm * age + (age | team)",
    "y ~ arm + I(month == 6):age + log(age) + sqrt(`bed days`) + (1 | team)",
    "log(y) ~ arm + I(age^2 / 10) + np.exp(-age / 100) + (1 | team)",
    "y ~ arm + C(item, Sum) + month:age + (1 | trust/team)",
    "y ~ arm + age + (1 | trust) + (1 | trust:team)",
    "y ~ arm + age + (1 | team) + (1 | item)",
    "y ~ arm + age + (month || team) + (1 | item)",
    "y ~ arm + age + I(2 * age) + consented + (0 + month | team)",
    "y ~ C(consented) * age + C(trust) + (1 | team)",
    "y ~ arm + far + (1 | team)",
    "far ~ arm + age + (1 | team)",
]


def simulate(n: int = 400, teams: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    team = np.append(np.arange(teams), rng.integers(0, teams, n - teams))
    effect = rng.normal(size=(teams, 2))
    data = pd.DataFrame(
        {
            "team": [f"team {i}" for i in team],
            "trust": team // 3,
            "arm": np.where(team % 2, "intervention", "control"),
            "month": rng.choice([0, 6, 12], n),
            "age": rng.normal(45, 12, n).clip(18),
            "bed days": rng.poisson(4, n),
            "item": pd.Categorical(rng.choice(list("abcde"), n)),
            "consented": rng.random(n) < 0.8,
        }
    )
    data["y"] = 30 + 0.2 * data["age"] + 2 * (team % 2) + effect[team, 0] + 0.1 * data["month"] * effect[team, 1]
    data["y"] += rng.normal(size=5)[data["item"].cat.codes] + rng.normal(0, 2, n)
    data["far"] = 1e9 + effect[team, 1] + rng.normal(0, 3, n)
    return data


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return simulate()


@pytest.fixture(scope="module")
def parquet(data, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    data.to_parquet(path, row_group_size=64)
    return path


def fit(formula: str, source, **options) -> ct.LmmFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ct.TrialWarning)
        return ct.lmm(formula, source, **options)


def assert_same(streamed: ct.LmmFit, memory: ct.LmmFit) -> None:
    assert streamed.terms == memory.terms
    assert streamed.notes == memory.notes
    for column in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(streamed.tidy()[column], memory.tidy()[column], rtol=TOLERANCE, err_msg=column)
    assert streamed.summary.keys() == memory.summary.keys()
    for name, value in memory.summary.items():
        assert streamed.summary[name] == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), name
    pd.testing.assert_frame_equal(streamed.variance_components(), memory.variance_components(), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_fit_is_that_in_memory(formula, data, parquet):
    streamed, memory = fit(formula, parquet), fit(formula, data)
    assert_same(streamed, memory)
    pd.testing.assert_frame_equal(streamed.ranef(), memory.ranef(), rtol=1e-7, atol=1e-9, check_dtype=False)


@pytest.mark.parametrize(
    "options",
    [{"reml": False, "ddf": "satterthwaite"}, {"ddf": "satterthwaite"}, {"ddf": "residual"}, {"ddf": "normal"}],
)
def test_likelihoods_and_degrees_of_freedom(options, data, parquet):
    assert_same(fit(FORMULA, parquet, **options), fit(FORMULA, data, **options))


def test_joint_tests_and_contrasts_need_no_rows(data, parquet):
    streamed, memory = fit(FORMULA, str(parquet)), fit(FORMULA, data)
    hypothesis = "arm[T.intervention] = 0, age = 0"
    pd.testing.assert_frame_equal(streamed.test(hypothesis), memory.test(hypothesis), rtol=TOLERANCE)
    weights = {"arm[T.intervention]": 1, "age": -2}
    pd.testing.assert_frame_equal(streamed.contrast(weights), memory.contrast(weights), rtol=TOLERANCE)


def write_chunks(data: pd.DataFrame, folder: Path, sizes: list[int]) -> None:
    starts = np.cumsum([0, *sizes])
    for i, (start, stop) in enumerate(zip(starts, [*starts[1:-1], len(data)], strict=False)):
        data[start:stop].to_parquet(folder / f"part-{i:03}.parquet")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 150), min_size=1, max_size=8), st.sampled_from([1, 7, 1000]), st.integers(0, 99))
def test_neither_chunks_nor_the_order_of_rows_matter(sizes, row_group, seed):
    data = simulate(n=160, seed=seed)
    data.loc[data.index % 11 == 3, "age"] = np.nan
    with TemporaryDirectory() as folder:
        path = Path(folder)
        write_chunks(data.sample(frac=1, random_state=seed), path, sizes)
        data.to_parquet(path / "again.parquet", row_group_size=row_group)
        assert_same(fit(FORMULA, path), fit(FORMULA, pd.concat([data, data])))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_row_groups_of_any_size(size, data, tmp_path):
    path = tmp_path / "rows.parquet"
    data.to_parquet(path, row_group_size=size)
    assert_same(fit(FORMULA, path), fit(FORMULA, data))


def test_a_folder_with_the_clusters_in_its_paths(data, tmp_path):
    for team, rows in data.groupby("team"):
        (tmp_path / f"team={team}").mkdir()
        rows.drop(columns="team").to_parquet(tmp_path / f"team={team}" / "rows.parquet")
    streamed = fit(FORMULA, tmp_path)
    assert_same(streamed, fit(FORMULA, data))
    assert f"400 rows streamed from the Parquet folder {tmp_path.name} with random" in streamed.method


def test_queries_of_files_and_of_a_duckdb_database(data, parquet, tmp_path):
    path = tmp_path / "trial.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.sql(f"SELECT * FROM '{parquet}'").to_table("outcomes")
    sql = "SELECT * FROM {} WHERE month > 0;"
    memory = fit(FORMULA, data[data["month"] > 0])
    assert_same(fit(FORMULA, ct.Query(None, sql.format(f"'{parquet}'"))), memory)
    streamed = fit(FORMULA, ct.Query(path, sql.format("outcomes")))
    assert_same(streamed, memory)
    assert "streamed from a query of trial.duckdb with" in streamed.method


def test_a_query_of_sqlite_takes_the_types_of_its_values(data, tmp_path):
    path, given = tmp_path / "trial.sqlite", data[["team", "arm", "month", "age", "y"]].copy()
    given.loc[4, "age"] = np.nan
    given.loc[:200, "y"] = given.loc[:200, "y"].round()
    with closing(sqlite3.connect(path)) as connection:
        given.to_sql("outcomes", connection, index=False)
    assert_same(fit("y ~ arm + age + month + (1 | team)", ct.Query(path, "SELECT * FROM outcomes;")),
                fit("y ~ arm + age + month + (1 | team)", given))  # fmt: skip


def test_a_relation_is_read_by_its_own_connection(data):
    with duckdb.connect() as connection:
        connection.register("outcomes", data.drop(columns="item"))
        streamed = fit(FORMULA, connection.sql("SELECT * FROM outcomes"))
        assert connection.sql("SHOW TABLES").fetchall() == [("outcomes",)]
    assert_same(streamed, fit(FORMULA, data))
    assert "400 rows streamed from a relation of DuckDB" in streamed.method


def test_rows_left_out_are_counted_by_column(data, tmp_path):
    holes, path = data.copy(), tmp_path / "rows.parquet"
    holes.loc[[1, 2, 3], "age"] = np.nan
    holes.loc[[3, 4], "team"] = None
    holes.loc[5, "y"] = np.nan
    holes.to_parquet(path)
    streamed = fit(FORMULA, path)
    assert_same(streamed, fit(FORMULA, holes))
    assert streamed.notes == ("5 of 400 rows left out, with no value of y (1), age (3), team (2)",)
    assert "to 395 rows streamed" in streamed.method


def test_nan_of_a_float_is_no_value():
    with duckdb.connect() as connection:
        rows = connection.sql(
            "SELECT i % 5 AS team, i + random() AS y, CASE i WHEN 3 THEN 'nan'::DOUBLE WHEN 4 THEN NULL ELSE i END AS x"
            " FROM range(40) AS r(i)"
        ).df()
        connection.register("outcomes", rows)
        streamed = fit("y ~ x + (1 | team)", connection.sql("SELECT * FROM outcomes"))
    assert streamed.notes[0] == "2 of 40 rows left out, with no value of x (2)"


def test_a_poor_start_is_mended_by_a_second_scan(monkeypatch):
    """The first rows lie far from all others, and with them the constants that are taken out in the first scan."""
    monkeypatch.setattr(row_sums, "FIRST_ROWS", 5)
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"y": np.append(np.zeros(5), 1e8 + rng.normal(size=10**5))})
    rows["team"] = np.arange(len(rows)) % 20
    with duckdb.connect() as connection:
        connection.register("outcomes", rows)
        relation = connection.sql("SELECT * FROM outcomes")
        sums = row_sums.group_sums(relation, ["team"], ['"y"'], "true")
        streamed = fit("y ~ 1 + (1 | team)", relation)
    assert sums.shift[1] == pytest.approx(rows["y"].mean(), rel=1e-12)
    assert not sums.far
    assert_same(streamed, fit("y ~ 1 + (1 | team)", rows))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ center(age) + (1 | team)", r"'center\(age\)' cannot be computed row by row"),
        ("y ~ bs(age, df=4) + (1 | team)", r"'bs\(age, df=4\)' cannot be computed row by row"),
        ("y ~ C(age > 40) + (1 | team)", r"'C\(age > 40\)' cannot be streamed: make 'age > 40' a column"),
        ("y ~ agee + (1 | team)", "no column 'agee'; did you mean 'age'?"),
        ("arm ~ age + (1 | team)", "the outcome 'arm' is not a number; its type is VARCHAR"),
        ("y ~ age", "has no random term"),
        ("y + age ~ arm + (1 | team)", "the outcome must be one column"),
    ],
)
def test_what_cannot_be_streamed_is_refused(formula, message, parquet):
    with pytest.raises(ct.PlanError, match=message):
        ct.lmm(formula, parquet)


def test_a_date_is_neither_a_number_nor_a_category():
    with duckdb.connect() as connection:
        rows = connection.sql("SELECT i % 5 AS team, i AS y, DATE '2020-01-01' + i::INT AS day FROM range(20) AS r(i)")
        with pytest.raises(ct.PlanError, match="'day' is neither a number nor a category; its type is DATE"):
            ct.lmm("y ~ day + (1 | team)", rows)


@pytest.mark.parametrize(
    "use",
    [
        lambda fit: fit.matrices.x,
        lambda fit: fit.matrices.random[0].grouping.level,
        lambda fit: fit.marginal_means("arm"),
        lambda fit: fit.anova(),
    ],
)
def test_what_needs_rows_says_so(use, parquet):
    with pytest.raises(ct.PlanError, match="fit a data frame"):
        use(fit(FORMULA, parquet))


@pytest.mark.parametrize("ddf", ["between-within", "clusters"])
def test_degrees_of_freedom_by_level_need_rows(ddf, parquet):
    with pytest.raises(ct.PlanError, match="needs the rows of the data"):
        ct.lmm(FORMULA, parquet, ddf=ddf)


@pytest.mark.parametrize(
    ("change", "formula", "error", "message"),
    [
        (
            "SELECT * REPLACE ('inf'::DOUBLE AS age)",
            FORMULA,
            ct.DataError,
            "'age' is infinite, or not a number, in 400",
        ),
        ("SELECT * REPLACE (3.5 AS y)", FORMULA, ct.DataError, "'y' is 3.5 in every row"),
        ("SELECT * REPLACE ('a' AS team)", FORMULA, ct.DesignError, "'team' has only the level 'a'"),
        ("SELECT * REPLACE ('a' AS arm)", FORMULA, ct.DesignError, "'arm' has only the level 'a'"),
        ("SELECT * REPLACE (NULL::DOUBLE AS age)", FORMULA, ct.DataError, r"no row is complete: .* age \(400\)"),
        ("SELECT * REPLACE (age - 50 AS age)", "y ~ log(age) + (1 | team)", ct.DataError, r"'log\(age\)' is infinite"),
        ("SELECT * REPLACE (2 * age AS y)", FORMULA, ct.DesignError, "fit the outcome exactly"),
    ],
)
def test_faults_of_the_data(change, formula, error, message, parquet):
    with pytest.raises(error, match=message):
        ct.lmm(formula, ct.Query(None, f"{change} FROM '{parquet}'"))


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_number_of_categories_that_is_infinite(parquet):
    with pytest.raises(ct.DataError, match=r"'log\(month\)' is -inf in some rows"):
        ct.lmm("y ~ C(month) + log(month) + (1 | team)", parquet)


def test_a_query_that_fails_on_the_way(parquet):
    sql = f"SELECT * REPLACE (CAST(arm AS DOUBLE) AS age) FROM '{parquet}'"
    with pytest.raises(ct.DataError, match=r"a query cannot be read as a table: Conversion Error: .*'(control|interv)"):
        ct.lmm(FORMULA, ct.Query(None, sql))


def test_a_source_without_rows(parquet):
    with pytest.raises(ct.DataError, match="the data have no rows"):
        ct.lmm(FORMULA, ct.Query(None, f"SELECT * FROM '{parquet}' WHERE false"))


def test_sources_that_cannot_be_read(parquet, tmp_path):
    (tmp_path / "rows.csv").write_text("y\n1\n")
    (tmp_path / "bad.parquet").write_text("no Parquet")
    (tmp_path / "folder").mkdir()
    for source, error, message in [
        (tmp_path / "none.parquet", ct.DataError, "there is no such file"),
        (tmp_path / "rows.csv", ct.PlanError, "rows.csv is no Parquet file"),
        (tmp_path / "bad.parquet", ct.DataError, "bad.parquet cannot be read as a Parquet file"),
        (tmp_path / "folder", ct.DataError, "has no Parquet files"),
        (ct.Query(tmp_path / "none.db", "SELECT 1"), ct.DataError, "there is no such database file"),
        (ct.Query(tmp_path / "rows.csv", "SELECT 1"), ct.DataError, "rows.csv cannot be read"),
        (ct.Query(None, f"SELEC * FROM '{parquet}'"), ct.DataError, "the query cannot be read as SQL"),
        ({"y": [1]}, ct.PlanError, "data of type dict cannot be read"),
    ]:
        with pytest.raises(error, match=message):
            ct.lmm(FORMULA, source)


def test_a_boundary_fit_is_warned_of(data, tmp_path):
    path = tmp_path / "rows.parquet"
    data.assign(y=np.random.default_rng(2).normal(size=len(data)) - 0.02 * (data["month"] == 3)).to_parquet(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        streamed = ct.lmm("y ~ arm + (1 | team)", path)
    assert [w.category for w in caught] == [ct.TrialWarning] * streamed.summary["singular"]
