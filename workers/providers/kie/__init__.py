"""The adapter for kie.ai: pictures and films, all of them tasks that are created, polled and fetched.

`forms.py` is the table of what each model wants to be told, `families.py` the table of its endpoints
and how their records are read, `client.py` the wire. Only `registry` imports it. Start reading at
`adapter.py`.
"""
