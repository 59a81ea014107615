"""Runs jobs: the runtime that reads wake-ups, the pipeline that turns one into a result, the tasks;
and tells what came of it: `delivery/`.

May import ledger, storage, ops.base and schemas; never producers, never a database driver.
Start reading at `pipeline.py` (what happens to one job), then `runtime/worker.py` (how it gets
here) and `app.py` (what a worker process is made of).
"""
