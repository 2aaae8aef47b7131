"""Agreement of raters and coders, corrected for chance.

Whether agreement is a fitting standard depends on the kind of qualitative analysis; nothing here ranks a coefficient as
good or bad. Public names are in `__init__.pyi`; each loads on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
