"""What the tests of kernels and front ends share; used through `conftest.py`."""
