"""Who makes texts, pictures and videos: one port per modality, one folder per adapter.

Tasks import `port` and `registry`, never an adapter; an adapter imports the port, never a task.
An adapter is loaded by the name its catalogue rows carry, so heavy libraries load only where used.
Start reading at `port.py`.
"""
