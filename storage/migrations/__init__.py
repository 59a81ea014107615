"""The schema as plain numbered SQL, forward only, run by `storage.migrate`.

0001-0009 roles, people and jobs; 0010-0029 the ledger; 0030 and later what came after. A file that was
released is never changed: the way back is the next number.
"""
