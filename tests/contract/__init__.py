"""Suites that say what every implementation of a port must keep.

`test_providers.py` runs once for each model of the catalogue that an adapter answers for;
`test_tasks.py` runs each kind's task against the default models.
"""
