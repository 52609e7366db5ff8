"""The checks: how a rule comes to its verdict, one class in one module each; see `pipeline.rules.check`.

Every module here is imported, so that a new check is known as soon as its file is there.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
