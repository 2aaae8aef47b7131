"""Cross-products of many data sets at once; every array has the data sets on its first axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Codes

AT_ONCE = 2**18  # numbers of data sets that are held at a time


@dataclass(frozen=True)
class BatchProducts:
    """Cross-products with z, the q random columns of the absorbed factor, and w = [u x y].

    u are the m random columns of the factors behind it, x the p fixed ones, y the response, k = m + p + 1.
    An array that all B data sets share may have a first axis of 1.

    Attributes
    ----------
    rows : (B,) number of rows
    zz : (B, J, q, q) z'z of each of J clusters
    zw : (B, J, q, k) z'w
    ww : (B, k, k) w'w of all clusters
    behind : m
    """

    rows: Array
    zz: Array
    zw: Array
    ww: Array
    behind: int

    def __len__(self) -> int:
        return len(self.ww)

    @property
    def size(self) -> int:
        """Numbers that one data set needs."""
        return int(np.prod(self.zw.shape[1:]) + np.prod(self.zz.shape[1:]) + np.prod(self.ww.shape[1:]))

    def take(self, which: Codes) -> BatchProducts:
        """The data sets `which`."""
        rows, zz, zw, ww = (a if len(a) == 1 else a[which] for a in (self.rows, self.zz, self.zw, self.ww))
        return BatchProducts(rows, zz, zw, np.broadcast_to(ww, (len(which), *ww.shape[1:])), self.behind)

    def append(self, with_z: Array, with_w: Array) -> BatchProducts:
        """The same with a last column of w, whose products with z are (B, J, q) and with w and itself (B, k + 1)."""
        b, c = with_w.shape
        zw = np.empty((b, *self.zw.shape[1:3], c))
        zw[..., :-1] = self.zw
        zw[..., -1] = with_z
        ww = np.empty((b, c, c))
        ww[:, :-1, :-1] = self.ww
        ww[:, -1] = ww[:, :, -1] = with_w
        return BatchProducts(self.rows, self.zz, zw, ww, self.behind)


def slices(count: int, size: int) -> Iterator[slice]:
    """Of `count` data sets, as many at a time as memory allows, each of `size` numbers."""
    step = max(1, AT_ONCE // size)
    return (slice(i, i + step) for i in range(0, count, step))
