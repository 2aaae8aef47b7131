"""The files that ship with the package: beside this one in a wheel, at the top of the repository in a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """Folder `name` (`data_dictionary`, `analysis`) as shipped with the package."""
    here = Path(__file__).parent
    for root in (here, here.parent.parent):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"{name} was not installed with core_trial: install the package again")
