-- Credits from the house `liquidity` are proved, too: a conversion has two legs, and what a purchase brought is what was sold,
-- or nothing once its Stars are on their way back. Before, a leg alone made or took credits and the book was sound.

create or replace function ledger.violations_of(p_owner bigint)
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
  union all
  select 'a conversion without its other leg', t.owner, t.cur, t.op, t.amount, 0
    from ledger.transfer t
   where t.kind = 'convert' and (p_owner is null or t.owner = p_owner)
     and not exists (select from ledger.transfer o
                      where o.op = t.op and o.leg = 1 - t.leg and o.kind = 'convert' and o.owner = t.owner
                        and o.cur <> t.cur and (o.leg = 0) = (o.amount < 0) and (t.leg = 0) = (t.amount < 0))
  union all
  select 'a purchase and its credits differ', coalesce(p.owner, t.owner), 1::smallint, op, coalesce(t.total, 0)::bigint,
         coalesce(p.units, 0)
    from (select y.op, y.owner, case y.state when 'paid' then y.units else 0 end as units from ledger.purchase y
           where p_owner is null or y.owner = p_owner) p
    full join (select coalesce(x.ref, x.op) as op, min(x.owner) as owner, sum(x.amount) as total from ledger.transfer x
                where x.kind in ('purchase', 'stars_refund') and x.cur = 1 and (p_owner is null or x.owner = p_owner)
                group by 1) t using (op)
   where coalesce(t.total, 0) <> coalesce(p.units, 0)
$$;

-- The same for what is new.
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
  union all
  select 'a conversion without its other leg', f.owner, f.cur, f.op, f.amount, 0
    from fresh f
   where f.kind = 'convert'
     and not exists (select from ledger.transfer o
                      where o.op = f.op and o.leg = 1 - f.leg and o.kind = 'convert' and o.owner = f.owner
                        and o.cur <> f.cur and (o.leg = 0) = (o.amount < 0) and (f.leg = 0) = (f.amount < 0))
  union all
  select 'a purchase and its credits differ', c.owner, 1::smallint, c.op, t.total, coalesce(p.units, 0)
    from (select distinct f.owner, coalesce(f.ref, f.op) as op from fresh f
           where f.kind in ('purchase', 'stars_refund') and f.cur = 1) c
    left join (select y.op, case y.state when 'paid' then y.units else 0 end as units from ledger.purchase y) p using (op)
  cross join lateral (select sum(x.amount)::bigint as total from ledger.transfer x
                       where x.owner = c.owner and x.cur = 1 and x.kind in ('purchase', 'stars_refund')
                         and coalesce(x.ref, x.op) = c.op) t
   where t.total <> coalesce(p.units, 0)
$$;
