-- Verify since a mark, and verify the rights.
--
-- A mark is a moment up to which the book was found sound. From there only wallets with a newer transfer or hold can have
-- gone wrong, and block-range indexes find those. The marks themselves are kept: they say when the book was last sound.

create table ledger.mark (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  oldest_open timestamptz not null,     -- no hold older than this was open at the mark
  transfers bigint not null
);

create function ledger.set_mark(p_at timestamptz, p_oldest_open timestamptz, p_transfers bigint) returns bigint
language sql security definer as $$
  insert into ledger.mark (at, oldest_open, transfers) values (p_at, p_oldest_open, p_transfers) returning id
$$;

-- What a mark needs to know, as of this snapshot.
create function ledger.oldest_open_hold(p_since timestamptz) returns timestamptz language sql stable as $$
  select coalesce(min(h.created_at), clock_timestamp()) from ledger.hold h
   where h.created_at >= p_since and h.state = 'open'
$$;

-- Like violations_of, for what changed after p_since. p_oldest_open bounds where open holds can be.
create function ledger.violations_since(p_since timestamptz, p_oldest_open timestamptz)
returns table (what text, owner bigint, cur smallint, id uuid, found bigint, expected bigint) language sql stable as $$
  with fresh as materialized (
    select t.owner, t.cur, t.seq, t.op, t.leg, t.ref, t.kind, t.amount, t.balance_after
      from ledger.transfer t where t.at >= p_since
  ), newest as (
    select f.owner, f.cur, max(f.seq) as seq, count(*) as moves, min(f.seq) as first from fresh f group by f.owner, f.cur
  ), open_holds as materialized (
    select h.owner, h.cur, sum(h.amount)::bigint as total from ledger.hold h
     where h.created_at >= least(p_since, p_oldest_open) and h.state = 'open' group by h.owner, h.cur
  )
  select 'balance is not the last running balance', n.owner, n.cur, null::uuid, a.balance, f.balance_after
    from newest n join fresh f using (owner, cur, seq) left join ledger.account a using (owner, cur)
   where a.balance is distinct from f.balance_after
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

-- What the application's role could do beside calling functions and reading. Empty means safe; `doctor` shows the rows.
create function ledger.rights_too_wide(p_role name) returns table (what text) language sql stable as $$
  select format('%s may %s ledger.%s', p_role, lower(r), c.relname)
    from pg_class c, unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r
   where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p') and has_table_privilege(p_role, c.oid, r)
  union all
  select format('%s may call %s', p_role, p.oid::regprocedure)
    from pg_proc p
   where p.pronamespace = 'ledger'::regnamespace and not p.prosecdef and p.provolatile = 'v'
     and p.prorettype <> 'trigger'::regtype and has_function_privilege(p_role, p.oid, 'EXECUTE')
  union all
  select format('%s may create objects in schema %s', p_role, n.nspname)
    from pg_namespace n
   where n.nspname in ('ledger', 'work', 'app', 'public') and has_schema_privilege(p_role, n.oid, 'CREATE')
  union all
  select format('%s is a superuser', p_role) from pg_roles r where r.rolname = p_role and r.rolsuper
  union all
  select format('the append-only trigger %s is off', w.name)
    from unnest(array['transfer_append_only', 'rate_append_only']) w (name)
   where not exists (select from pg_trigger t join pg_class c on c.oid = t.tgrelid
                      where t.tgname = w.name and c.relnamespace = 'ledger'::regnamespace and t.tgenabled in ('O', 'A'))
$$;

grant select on ledger.mark to leyden_app;
grant execute on function ledger.set_mark, ledger.oldest_open_hold, ledger.violations_since, ledger.rights_too_wide
  to leyden_app;
