"""What a bot may call, one module for a group of methods, each ending in a table `METHODS`.

Imported by `ops.sandbox.telegram.api` alone. A method is a parameter class and a function from a `Visit`
and the parameters to the `result` on the wire; it refuses with BotApiRefusal. Start at `catalogue.py`.
"""
