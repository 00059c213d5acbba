"""Read requests: one module for each wire API, all giving the same ``Ask``."""
