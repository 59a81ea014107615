"""Measurements, each beside its floor or its rival in one run: `python -m tests.bench`.

Start reading at `__main__.py`. `transport.py` compares the streams with plain arq, `sql.py` and
`ring.py` the whole path with three bare commits a job; `crew.py` runs the child processes whose
parts are in `role_*.py`; `rows.py` says which ratio must hold; `report.py` shows it.
Nothing here runs under pytest: figures depend on the machine, ratios are read by people.
"""
