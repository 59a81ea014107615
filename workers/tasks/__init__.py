"""What each kind of job does: one module per family of kinds, each an async `run(payload, ctx)`.

A task turns a payload into a question for the provider port and the answer into a result. It knows
no adapter, no database and no queue: everything it may touch is in `context.TaskContext`. Start
reading at `context.py`, then `registry.py`.
"""
