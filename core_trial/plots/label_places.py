"""Where the labels of points stand, so that none covers a point or another label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 4.5
"""Points between a mark's centre and the label beside it; a label further away has a line to its mark."""

_MARK, _STEP, _CROWD = 3.2, 4.0, 30.0
_SIDES = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)], dtype=float)
_FORBIDDEN = 1e3
_ALONG = np.linspace(0.1, 0.9, 9)


def place_labels(points: Array, sizes: Array, extent: tuple[float, float], avoid: Array) -> Array:
    """Centres (n, 2) of labels of these sizes (n, 2) for points (n, 2) on a sheet of this extent, all in points.

    The most crowded point comes first. Each label stands beside its mark where that is free, else where it covers no
    mark or label and the line to its mark crosses none, near it and off the points `avoid` (m, 2) of other lines as far
    as can be. Where nothing is free it stands where it covers least.
    """
    taken = boxes(points, np.full((len(points), 2), 2 * _MARK))
    guides = boxes(avoid, np.ones_like(avoid))
    labels = np.empty((0, 4))
    centres = np.empty_like(points)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    for label in np.argsort(-(distances < _CROWD).sum(axis=1), kind="stable"):
        point, size = points[label], sizes[label]
        for candidates in (_beside(point, size), _everywhere(point, size, extent)):
            cost = _gap(point, size, candidates) + _overlap(_area(candidates, size), guides).sum(axis=1)
            cost += _FORBIDDEN * _faults(point, _area(candidates, size), extent, taken, labels)
            centre = candidates[np.argmin(cost)]
            if cost.min() <= 0:
                break
        area = _area(centre[None], size)
        line = boxes(_line(point, centre[None])[0], np.ones((len(_ALONG), 2)))
        centres[label], labels, taken = centre, np.vstack([labels, area]), np.vstack([taken, area, line])
    return centres


def _faults(point: Array, area: Array, extent: tuple[float, float], taken: Array, labels: Array) -> Array:
    """What a label on each area covers or crosses that it must not, and whether it leaves the sheet."""
    outside = (area[:, :2] < 0).any(axis=1) | (area[:, 2:] > np.array(extent)).any(axis=1)
    centres = (area[:, :2] + area[:, 2:]) / 2
    return np.asarray(_overlap(area, taken).sum(axis=1) + _crossed(point, centres, labels) + 1e3 * outside)


def _area(centres: Array, size: Array) -> Array:
    return boxes(centres, np.broadcast_to(size + 1, centres.shape))


def _gap(point: Array, size: Array, centres: Array) -> Array:
    """Points between each label and its mark, a third of them counted, none where the label is beside it."""
    gap = np.linalg.norm(np.maximum(np.abs(centres - point) - size / 2, 0), axis=1)
    return np.asarray(np.maximum(gap - 2 * NEAR, 0) / 3)


def boxes(centres: Array, sizes: Array) -> Array:
    """Left, bottom, right, top (n, 4) of boxes."""
    return np.hstack([centres - sizes / 2, centres + sizes / 2])


def _beside(point: Array, size: Array) -> Array:
    """Centres of a label on the eight sides of its point."""
    corner = np.abs(_SIDES).sum(axis=1, keepdims=True) > 1
    return np.asarray(point + _SIDES * (size / 2 + np.where(corner, 0.6, 1) * NEAR))


def _everywhere(point: Array, size: Array, extent: tuple[float, float]) -> Array:
    """Centres of a label beside its point, and all over the sheet."""
    axes = [np.arange(half + 1, end - half, _STEP) for half, end in zip(size / 2, extent, strict=True)]
    return np.vstack([_beside(point, size), np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)])


def _overlap(one: Array, other: Array) -> Array:
    """Area (m, n) that boxes share."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2))


def _line(point: Array, centres: Array) -> Array:
    """Points (m, 9, 2) along the lines from a point to the centres."""
    return np.asarray(point + _ALONG[:, None] * (centres[:, None] - point))


def _crossed(point: Array, centres: Array, labels: Array) -> Array:
    """How many labels the line from the point to each centre crosses."""
    along = _line(point, centres)[:, :, None]
    beyond = np.minimum(along - labels[:, :2], labels[:, 2:] - along).min(axis=-1)
    return np.asarray((beyond.max(axis=1, initial=-1.0) > 0).sum(axis=1), dtype=np.float64)
