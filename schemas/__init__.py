"""Shapes and facts: what a job, a result, an event, an amount and an error look like.

May import pydantic, PyYAML and the standard library, nothing of ours; everything else may import it.
Facts that change without code (models, prices, plans, texts) are the files in `data/`.
Start reading at `jobs.py` (kinds, lanes, states), then `payloads.py`, `results.py` and `errors.py`.
"""
