-- As before, but nothing that is new is joined with itself: statistics know nothing of rows that came after them, so the
-- planner expects one new row and would compare each with every other.
create or replace function ledger.violations_since(p_since timestamptz, p_oldest_open timestamptz)
returns table (what text, owner bigint, cur smallint, id uuid, found bigint, expected bigint) language sql stable as $$
  with fresh as materialized (
    select t.owner, t.cur, t.seq, t.op, t.leg, t.ref, t.kind, t.amount, t.balance_after
      from ledger.transfer t where t.at >= p_since
  ), newest as materialized (
    select distinct on (f.owner, f.cur) f.owner, f.cur, f.seq, f.balance_after, count(*) over whole as moves,
           min(f.seq) over whole as first
      from fresh f window whole as (partition by f.owner, f.cur) order by f.owner, f.cur, f.seq desc
  ), open_holds as materialized (
    select h.owner, h.cur, sum(h.amount)::bigint as total from ledger.hold h
     where h.created_at >= least(p_since, p_oldest_open) and h.state = 'open' group by h.owner, h.cur
  )
  select 'balance is not the last running balance', n.owner, n.cur, null::uuid, a.balance, n.balance_after
    from newest n left join ledger.account a using (owner, cur)
   where a.balance is distinct from n.balance_after
  union all
  select 'sequence has a gap', n.owner, n.cur, null, n.moves, n.seq - n.first + 1
    from newest n left join ledger.account a using (owner, cur)
   where n.moves <> n.seq - n.first + 1 or a.seq is distinct from n.seq
  union all
  select 'running balance is broken', f.owner, f.cur, f.op, f.balance_after, coalesce(p.balance_after, 0) + f.amount
    from fresh f left join ledger.transfer p on p.owner = f.owner and p.cur = f.cur and p.seq = f.seq - 1
   where f.balance_after <> coalesce(p.balance_after, 0) + f.amount or (p.owner is null and f.seq > 1)
  union all
  select 'held is not the sum of open holds', coalesce(a.owner, o.owner), coalesce(a.cur, o.cur), null,
         coalesce(a.held, 0), coalesce(o.total, 0)
    from ledger.account a full join open_holds o on o.owner = a.owner and o.cur = a.cur
   where coalesce(a.held, 0) <> coalesce(o.total, 0)
  union all
  select 'bonus is not the sum of lots', a.owner, a.cur, null, a.bonus, coalesce(l.total, 0)::bigint
    from newest n join ledger.account a using (owner, cur)
  cross join lateral (select sum(x.remaining) as total from ledger.lot x
                       where x.owner = a.owner and x.cur = a.cur and x.remaining > 0) l
   where a.bonus <> coalesce(l.total, 0)
  union all
  select 'captured hold and its transfer differ', f.owner, f.cur, f.op, coalesce(h.captured, 0), -f.amount
    from fresh f left join ledger.hold h on h.id = f.op
   where f.kind = 'capture' and (h.captured is distinct from -f.amount or (h.owner, h.cur) <> (f.owner, f.cur))
  union all
  select 'captured hold and its transfer differ', h.owner, h.cur, h.id, h.captured, coalesce(-t.amount, 0)
    from ledger.hold h left join ledger.transfer t on t.op = h.id and t.leg = 0 and t.kind = 'capture'
   where h.created_at >= least(p_since, p_oldest_open) and h.captured <> coalesce(-t.amount, 0)
  union all
  select 'refunds and their hold differ', h.owner, h.cur, h.id, h.refunded, r.total
    from (select f.ref from fresh f where f.kind = 'refund' group by f.ref) c
    join ledger.hold h on h.id = c.ref
  cross join lateral (select sum(x.amount)::bigint as total from ledger.transfer x
                       where x.owner = h.owner and x.cur = h.cur and x.kind = 'refund' and x.ref = h.id) r
   where h.refunded <> r.total
  union all
  select 'stars do not rest in a wallet', a.owner, a.cur, null, a.balance, 0
    from newest n join ledger.account a using (owner, cur) where a.cur = 4 and a.balance <> 0
$$;
