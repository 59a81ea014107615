-- The proof of quiet wallets, and what the last whole proof said.
--
-- Since a mark only wallets with newer transfers are looked at, but a hand in the database needs no transfer. So each such
-- proof also compares a slice of all wallets with their last transfer, going round. A slice that is not sound is looked at
-- again until it is.

create table ledger.proof (              -- of the whole book; the newest row is what is believed
  id bigint generated always as identity primary key,
  at timestamptz not null,
  transfers bigint not null,
  violations bigint not null
);

create table ledger.patrol (             -- the wallet after which the next slice begins; no row: the first wallet is next
  one boolean primary key default true check (one),
  owner bigint not null,
  cur smallint not null
);

create function ledger.note_proof(p_at timestamptz, p_transfers bigint, p_violations bigint) returns bigint
language sql security definer as $$
  insert into ledger.proof (at, transfers, violations) values (p_at, p_transfers, p_violations) returning id
$$;

-- One probe of a primary key for each wallet; OFFSET 0 keeps the planner from reading all transfers instead.
create function ledger.violations_of_slice(p_limit int)
returns table (what text, owner bigint, cur smallint, id uuid, found bigint, expected bigint) language sql stable as $$
  with slice as materialized (
    select a.owner, a.cur, a.balance, a.seq from ledger.account a
     where (a.owner, a.cur) > (coalesce((select p.owner from ledger.patrol p), -9223372036854775808),
                               coalesce((select p.cur from ledger.patrol p), 0::smallint))
     order by a.owner, a.cur limit p_limit
  ), probed as (
    select s.*, t.balance_after from slice s
      left join lateral (select x.balance_after from ledger.transfer x
                          where x.owner = s.owner and x.cur = s.cur and x.seq = s.seq offset 0) t on true)
  select 'balance is not the last running balance', p.owner, p.cur, null::uuid, p.balance, coalesce(p.balance_after, 0)
    from probed p where p.balance <> coalesce(p.balance_after, 0)
  union all
  select 'sequence has a gap', p.owner, p.cur, null, null, p.seq
    from probed p where p.seq > 0 and p.balance_after is null
$$;

-- The next slice begins behind this one, or at the first wallet when this was the last.
create function ledger.patrol_on(p_limit int) returns void language plpgsql security definer as $$
declare
  since ledger.patrol;
  n record;
begin
  select * into since from ledger.patrol for update;
  select a.owner, a.cur into n from ledger.account a
   where (a.owner, a.cur) > (coalesce(since.owner, -9223372036854775808), coalesce(since.cur, 0::smallint))
   order by a.owner, a.cur offset p_limit - 1 limit 1;
  if n.owner is null then
    delete from ledger.patrol;
  else
    insert into ledger.patrol as p (owner, cur) values (n.owner, n.cur)
      on conflict (one) do update set owner = n.owner, cur = n.cur;
  end if;
end
$$;

grant select on ledger.proof, ledger.patrol to leyden_app;
grant execute on function ledger.note_proof, ledger.violations_of_slice, ledger.patrol_on to leyden_app;
