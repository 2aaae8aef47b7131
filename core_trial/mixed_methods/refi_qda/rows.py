"""Rows gathered one by one and held in columns, so that a million of them fit in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

BATCH = 1 << 15


class Rows:
    """A table in the making: `add` a row, at the end `take` the table."""

    def __init__(self, columns: Mapping[str, pa.DataType]) -> None:
        self.columns = columns
        self._open: list[tuple[Any, ...]] = []
        self._batches: list[pa.RecordBatch] = []
        self._n = 0

    def add(self, *row: Any) -> None:
        self._open.append(row)
        self._n += 1
        if len(self._open) == BATCH:
            self._pack()

    def __len__(self) -> int:
        return self._n

    def take(self) -> pd.DataFrame:
        """The rows, which are then no longer held here: text as `str`, whole numbers as `Int64`, None as missing."""
        self._pack()
        batches, self._batches = self._batches, []
        table = pa.Table.from_batches(batches).cast(pa.schema(list(self.columns.items())))
        dtypes = {pa.int64(): pd.Int64Dtype(), pa.large_string(): pd.StringDtype(na_value=float("nan"))}
        frame: pd.DataFrame = table.to_pandas(types_mapper=dtypes.get)
        return frame

    def _pack(self) -> None:
        cells = zip(*self._open, strict=True) if self._open else [()] * len(self.columns)
        arrays = [pa.array(values, type=dtype) for values, dtype in zip(cells, self.columns.values(), strict=True)]
        encoded = [array.dictionary_encode() if pa.types.is_large_string(array.type) else array for array in arrays]
        self._batches.append(pa.record_batch(encoded, names=list(self.columns)))
        self._open.clear()
