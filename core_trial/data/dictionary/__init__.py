"""The data dictionary, the one source of what the tables hold: read, applied to records, and written for people."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
