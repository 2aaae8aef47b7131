"""The tables of a trial in DuckDB: checked against the dictionary, in memory or behind views on Parquet files."""
