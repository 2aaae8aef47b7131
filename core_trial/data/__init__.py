"""Records of trials: read, checked, drawn, and brought into the form that analyses take."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["published"])
