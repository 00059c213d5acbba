"""The ``%%stream`` cell magic: ask a model, and see its answer as it is written."""

from nbstream.magic.magic import load_ipython_extension

__all__ = ["load_ipython_extension"]
