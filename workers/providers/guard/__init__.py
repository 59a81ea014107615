"""Between the tasks and the adapters: who may be asked now, and who else when one cannot answer.

`guard.Guard` keeps the limits, the breakers and the pauses that providers ask for, for the whole cluster
(`board`, in Redis) or, while Redis is away, for this process (`local`). `line.Line` is the chain of
candidates behind an alias; `ports` makes a chain look like the port of one adapter. Imported by
`workers.providers.registry` only. Start reading at `guard.py`.
"""
