"""arq's worker carried by Redis Streams: what lets a process hold jobs, and let go of them.

Knows leases, streams and signals, nothing of what a job does: that is the function it is given.
Start reading at `worker.py`; `reader.py` takes wake-ups, `hand.py` knows what is in hand,
`rounds.py` repeats what must be repeated, `warden.py` watches over a child that runs suspects.
"""
