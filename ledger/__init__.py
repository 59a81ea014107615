"""The only code that moves credits: grants, conversion, Stars, refunds, pricing, plans, statements, proof.

May import storage, ops.base and schemas; producers, workers and ops may import it. The money itself
moves in the SQL functions of `storage/migrations/*_ledger_*.sql`; reserve, capture and release of a
job happen inside the job functions. Start reading at `wallets.py`, then `pricing.py` and `verify.py`;
`docs/ledger.md` has the model.
"""
