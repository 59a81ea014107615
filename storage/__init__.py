"""Everything that is kept: Postgres, Redis, blobs, and the keys that seal what people wrote.

May import `schemas` and `ops.base`; holds no business rule. The SQL functions that move jobs and credits
are the numbered files in `migrations/`. Start reading at `pool.py`, then `jobs.py` and `queue.py`.
"""
