"""What must not be generated: looked at before anything is bought, and before a post is sent by itself.

Only workers import it. `rules` are our own words and patterns, always applied; `gate` adds the judge of
a provider where there is a key for one, and turns a finding into the end of a job. Neither keeps what
it has read: a class and a score are all that is stored. Start reading at `gate.py`.
"""
