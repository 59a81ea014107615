"""The floor every process stands on: settings, logs, metrics, clock, task nursery, health.

May import `schemas` and nothing else of ours; `storage`, `ledger`, `producers`, `workers` and the
rest of `ops` may import it. Nothing here knows what a job or a credit is.
Start reading at `settings.py`: each field says what it bounds.
"""
