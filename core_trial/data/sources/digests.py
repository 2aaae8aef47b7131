"""SHA-256 digests of the inputs of a trial, so that a reviewer can tell whether they are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from .records import Content, Records


def hash_path(path: Path) -> str:
    """Digest of a file; of a folder, the digest of the sorted digests of its Parquet files, a line each."""
    if path.is_dir():
        digests = sorted(hash_path(file) for file in path.rglob("*.parquet"))
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_content(content: Content) -> str:
    """Digest of a table written as CSV: header, comma, text in quotation marks, dates as ISO 8601."""
    digest = hashlib.sha256()
    for number, batch in enumerate(_batches(content)):
        text = pa.BufferOutputStream()
        pa.csv.write_csv(batch, text, pa.csv.WriteOptions(include_header=number == 0))
        digest.update(text.getvalue())
    return digest.hexdigest()


def _batches(content: Content) -> Iterator[pa.Table | pa.RecordBatch]:
    if isinstance(content, Records):
        yield pa.Table.from_pandas(content.frame, preserve_index=False)
        return
    for path in content.paths:
        with pa.parquet.ParquetFile(path) as file:
            yield from file.iter_batches()
