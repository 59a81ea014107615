"""The provider that works with no key and no network: rules for text, drawing by formula, plain
tools.

It never claims to be more than it is: every answer says who made it and what it could not do.
`adapter.py` is what the registry loads; the other modules are pure functions that run in child
processes, so they import nothing of the product but each other. Start reading at `adapter.py`.
"""
