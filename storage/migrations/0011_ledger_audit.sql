-- What outside eyes may read: the stable audit views, and the proof that the books are sound.

-- One row per movement. Reserve and release come from the holds, everything that moved money from the transfers. The
-- release of a partial capture is its own row. `job_id` is null where no job is concerned (a partner's hold is no job).
create view public.audit_ledger as
  select case when not h.partner then h.id end as job_id,
      h.owner || ':' || c.code as account, 'reserve' as entry, h.amount, h.created_at as at
    from ledger.hold h join ledger.currency c using (cur)
  union all
  select case when not h.partner then h.id end, h.owner || ':' || c.code, 'release',
      h.captured - h.amount, h.resolved_at
    from ledger.hold h join ledger.currency c using (cur)
   where h.state <> 'open' and h.captured < h.amount
  union all
  select case when not h.partner then h.id end, t.owner || ':' || c.code,
      case t.kind when 'stars_refund' then 'purchase' else t.kind::text end, t.amount, t.at
    from ledger.transfer t
    join ledger.currency c using (cur)
   left join ledger.hold h on h.id = case t.kind when 'capture' then t.op when 'refund' then t.ref end;

-- balance = granted + bought + refunded - captured; held is part of balance.
create view public.audit_wallets as
  select a.owner as user_id, c.code as currency, a.balance, a.held,
      coalesce(s.granted, 0)::bigint as granted, coalesce(s.bought, 0)::bigint as bought,
      coalesce(s.captured, 0)::bigint as captured, coalesce(s.refunded, 0)::bigint as refunded
    from ledger.account a
    join ledger.currency c using (cur)
   left join (
    select t.owner, t.cur,
        sum(t.amount) filter (where t.kind in ('purchase', 'stars_refund')) as bought,
        -sum(t.amount) filter (where t.kind = 'capture') as captured,
        sum(t.amount) filter (where t.kind = 'refund') as refunded,
        sum(t.amount) filter (where t.kind not in ('purchase', 'stars_refund', 'capture', 'refund')) as granted
      from ledger.transfer t group by t.owner, t.cur
   ) s on s.owner = a.owner and s.cur = a.cur;

-- Empty means sound. One row per broken promise: what, whose wallet, what is there and what should be.
-- `p_owner` limits the check to one user, null means the whole book. Read it in one REPEATABLE READ transaction.
create function ledger.violations_of(p_owner bigint)
returns table (what text, owner bigint, cur smallint, id uuid, found bigint, expected bigint) language sql stable as $$
  select 'balance is not the sum of transfers', a.owner, a.cur, null::uuid, a.balance, coalesce(t.total, 0)::bigint
    from ledger.account a
   left join (select x.owner, x.cur, sum(x.amount) as total from ledger.transfer x
               where p_owner is null or x.owner = p_owner group by x.owner, x.cur) t using (owner, cur)
   where (p_owner is null or a.owner = p_owner) and a.balance <> coalesce(t.total, 0)
  union all
  select 'sequence has a gap', a.owner, a.cur, null, a.seq, coalesce(t.moves, 0)
    from ledger.account a
   left join (select x.owner, x.cur, count(*) as moves, max(x.seq) as last from ledger.transfer x
               where p_owner is null or x.owner = p_owner group by x.owner, x.cur) t using (owner, cur)
   where (p_owner is null or a.owner = p_owner)
    and (a.seq <> coalesce(t.moves, 0) or a.seq <> coalesce(t.last, 0))
  union all
  select 'running balance is broken', t.owner, t.cur, t.op, t.balance_after, (t.previous + t.amount)::bigint
    from (select x.*, coalesce(lag(x.balance_after) over (partition by x.owner, x.cur order by x.seq), 0) as previous
            from ledger.transfer x where p_owner is null or x.owner = p_owner) t
   where t.balance_after <> t.previous + t.amount
  union all
  select 'transfers without a wallet', t.owner, t.cur, null, count(*), 0
    from ledger.transfer t left join ledger.account a using (owner, cur)
   where (p_owner is null or t.owner = p_owner) and a.owner is null group by t.owner, t.cur
  union all
  select 'held is not the sum of open holds', owner, cur, null, coalesce(a.held, 0), coalesce(h.total, 0)::bigint
    from (select * from ledger.account y where p_owner is null or y.owner = p_owner) a
   full join (select x.owner, x.cur, sum(x.amount) as total from ledger.hold x
               where x.state = 'open' and (p_owner is null or x.owner = p_owner) group by x.owner, x.cur) h
      using (owner, cur)
   where coalesce(a.held, 0) <> coalesce(h.total, 0)
  union all
  select 'bonus is not the sum of lots', owner, cur, null, coalesce(a.bonus, 0), coalesce(l.total, 0)::bigint
    from (select * from ledger.account y where p_owner is null or y.owner = p_owner) a
   full join (select x.owner, x.cur, sum(x.remaining) as total from ledger.lot x
               where p_owner is null or x.owner = p_owner group by x.owner, x.cur) l using (owner, cur)
   where coalesce(a.bonus, 0) <> coalesce(l.total, 0)
  union all
  select 'captured hold and its transfer differ', h.owner, h.cur, h.id, h.captured, coalesce(-t.amount, 0)
    from ledger.hold h left join ledger.transfer t on t.op = h.id and t.leg = 0
   where (p_owner is null or h.owner = p_owner)
    and (h.captured <> coalesce(-t.amount, 0)
      or t.op is not null and (t.kind <> 'capture' or (t.owner, t.cur) <> (h.owner, h.cur)))
  union all
  select 'capture without its hold', t.owner, t.cur, t.op, -t.amount, 0
    from ledger.transfer t left join ledger.hold h on h.id = t.op
   where t.kind = 'capture' and (p_owner is null or t.owner = p_owner) and h.id is null
  union all
  select 'refunds and their hold differ', h.owner, h.cur, h.id, h.refunded, coalesce(r.total, 0)::bigint
    from ledger.hold h
   left join (select x.ref, sum(x.amount) as total from ledger.transfer x
               where x.kind = 'refund' and (p_owner is null or x.owner = p_owner) group by x.ref) r on r.ref = h.id
   where (p_owner is null or h.owner = p_owner) and (h.refunded > 0 or r.ref is not null)
    and h.refunded <> coalesce(r.total, 0)
  union all
  select 'linked legs do not cancel at the house', min(t.owner), min(t.cur), t.op, sum(t.amount)::bigint, 0
    from ledger.transfer t
   where t.kind in ('purchase', 'stars_refund') and t.cur = 4 and (p_owner is null or t.owner = p_owner)
   group by t.op having sum(t.amount) <> 0
  union all
  select 'stars do not rest in a wallet', a.owner, a.cur, null, a.balance, 0
    from ledger.account a where a.cur = 4 and a.balance <> 0 and (p_owner is null or a.owner = p_owner)
$$;

create view ledger.violations as select * from ledger.violations_of(null);

grant select on ledger.violations, public.audit_ledger, public.audit_wallets to leyden_app;
grant execute on function ledger.violations_of to leyden_app;
