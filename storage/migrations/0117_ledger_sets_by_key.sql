-- Sets find their rows by key, whatever size the tables had when their statements were planned.
--
-- A session keeps the plan of a statement. Planned on tables of a few pages, a join of a set with its table read the whole
-- table, and did so until the statistics came: a set of fifty then cost the server several times what it costs by key. Here
-- each row is found by `= any (set)` or by a question of its own, what belongs to it comes from its place in the arrays, and
-- the callers (0118) forbid to read a table from end to end.

-- As before, by key, and the answers come from what was written.
create or replace function ledger.hold_jobs(
  p_job uuid[], p_owner bigint[], p_app smallint[], p_amount bigint[], p_spend text[]
) returns table (job uuid, code text, cur smallint) language plpgsql as $$
declare
  owners bigint[];
  curs smallint[];
  frees bigint[];
  taken uuid[];
  paid_from smallint[];
  rest record;
begin
  if cardinality(p_job) = 1 then
    select p_job[1], h.code, h.cur into job, code, cur
      from ledger.hold_one(p_job[1], p_owner[1], p_app[1], p_amount[1], p_spend[1]::smallint[], 'infinity') h;
    return next;
    return;
  end if;
  select array_agg(l.owner), array_agg(l.cur), array_agg(l.free) into owners, curs, frees
    from (select a.owner, a.cur, case when a.status = 'active' then a.balance - a.held else -1 end as free
            from ledger.account a
           where a.owner = any (p_owner)
             and (a.owner, a.cur) in (select x.o, unnest(x.s::smallint[]) from unnest(p_owner, p_spend) x (o, s))
           order by a.owner, a.cur desc for no key update) l;
  with choice as (
    select distinct on (x.i) x.j, x.o, x.p, x.n, l.cur, l.free
      from unnest(p_job, p_owner, p_app, p_amount, p_spend) with ordinality x (j, o, p, n, s, i)
    cross join lateral unnest(x.s::smallint[]) with ordinality k (c, rank)
      join unnest(owners, curs, frees) l (owner, cur, free) on l.owner = x.o and l.cur = k.c
     where x.n between 1 and 1000000000000 and l.free >= x.n
     order by x.i, k.rank
  ), wanted as (
    select c.*, sum(c.n) over (partition by c.o, c.cur) as total from choice c
  ), made as (
    insert into ledger.hold (id, owner, cur, amount, app)
    select v.j, v.o, v.cur, v.n, v.p from wanted v
     where v.total <= v.free and (select h.id from ledger.hold h where h.id = v.j) is null order by v.j
    on conflict (id) do nothing
    returning hold.id, hold.owner, hold.cur, hold.amount
  ), promised as (
    update ledger.account a set held = a.held + g.amount
      from (select m.owner, m.cur, sum(m.amount)::bigint as amount from made m group by m.owner, m.cur) g
     where a.owner = g.owner and a.cur = g.cur and a.owner = any (p_owner)
  )
  select array_agg(m.id), array_agg(m.cur) into taken, paid_from from made m;
  return query select m.id, 'ok', m.cur from unnest(taken, paid_from) m (id, cur);
  if cardinality(taken) = cardinality(p_job) then
    return;
  end if;
  for rest in
    select x.j, x.o, x.p, x.n,
           array(select k.c from unnest(x.s::smallint[]) with ordinality k (c, rank)
                   join unnest(owners, curs) l (o, c) on l.o = x.o and l.c = k.c order by k.rank) as spend
      from unnest(p_job, p_owner, p_app, p_amount, p_spend) with ordinality x (j, o, p, n, s, i)
     where taken is null or x.j <> all (taken) order by x.i
  loop
    select rest.j, h.code, h.cur into job, code, cur
      from ledger.hold_one(rest.j, rest.o, rest.p, rest.n, rest.spend, 'infinity') h;
    return next;
  end loop;
end
$$;

-- As before, by key; what is closed in the usual case is not asked after once more.
create or replace function ledger.capture_jobs(p_job uuid[], p_amount bigint[])
returns table (job uuid, code text, captured bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ended uuid[];
  taken bigint[];
  owners bigint[];
  curs smallint[];
  debited record;
begin
  if cardinality(p_job) = 1 then
    return query
      select p_job[1], c.code, c.captured
        from ledger.capture_one((select h.id from ledger.hold h where h.id = p_job[1] and not h.partner), p_amount[1]) c;
    return;
  end if;
  -- Only rows that were locked in order are closed: one that appears in between would be locked out of order.
  select array_agg(l.id) into ended
    from (select h.id from ledger.hold h where h.id = any (p_job) and not h.partner order by h.id for no key update) l;
  with closed as (
    update ledger.hold h
       set captured = least(p_amount[array_position(p_job, h.id)], h.amount), resolved_at = clock_timestamp(),
           expires_at = 'infinity',
           state = case when p_amount[array_position(p_job, h.id)] > 0 then 'captured' else 'released' end::ledger.hold_state
     where h.id = any (ended) and h.state = 'open' and p_amount[array_position(p_job, h.id)] >= 0
    returning h.id, h.captured, h.owner, h.cur
  )
  select array_agg(c.id), array_agg(c.captured), array_agg(c.owner), array_agg(c.cur) into ended, taken, owners, curs
    from closed c;
  if ended is not null then
    perform 1 from ledger.account a
     where a.owner = any (owners) and (a.owner, a.cur) in (select w.owner, w.cur from unnest(owners, curs) w (owner, cur))
     order by a.owner, a.cur desc for no key update;
    for debited in select * from ledger.post_captures(ended) loop
      perform ledger.draw_lots(debited.owner, debited.cur, debited.drew);
    end loop;
    return query select e.id, 'ok', e.n from unnest(ended, taken) e (id, n);
    if cardinality(ended) = cardinality(p_job) then
      return;
    end if;
  end if;
  return query
    select x.j, case when coalesce(x.n, -1) < 0 then 'bad_amount' else ledger.closed_hold_code(h.state) end, h.captured
      from unnest(p_job, p_amount) x (j, n) left join ledger.hold h on h.id = x.j and not h.partner
     where ended is null or x.j <> all (ended);
end
$$;

-- As before, but each wallet brings its own captures along, so they need not be looked for among all of them.
create or replace function ledger.post_captures(p_hold uuid[])
returns table (owner bigint, cur smallint, drew bigint) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with total as (
    select h.owner, h.cur, sum(h.amount)::bigint as freed, sum(h.captured)::bigint as spent,
           count(*) filter (where h.captured > 0) as moves,
           array_agg(h.id order by h.id) filter (where h.captured > 0) as ids,
           array_agg(h.captured order by h.id) filter (where h.captured > 0) as amounts,
           array_agg(h.app order by h.id) filter (where h.captured > 0) as apps
      from ledger.hold h where h.id = any (p_hold) group by h.owner, h.cur
  ), wallet as (
    update ledger.account a
       set balance = a.balance - t.spent, held = a.held - t.freed, seq = a.seq + t.moves,
           drew = least(a.bonus, t.spent), bonus = a.bonus - least(a.bonus, t.spent),
           bought = least(a.bought, a.balance - t.spent)
      from total t where a.owner = t.owner and a.cur = t.cur
    returning a.owner, a.cur, a.balance + t.spent as before, a.seq - t.moves as seq, a.drew, t.ids, t.amounts, t.apps
  ), posted as (
    insert into ledger.transfer (owner, cur, seq, op, kind, house, app, amount, balance_after)
    select w.owner, w.cur, w.seq + c.n, c.id, 'capture', 'revenue', c.app, -c.captured,
           w.before - sum(c.captured) over (partition by w.owner, w.cur order by c.n)
      from wallet w cross join lateral unnest(w.ids, w.amounts, w.apps) with ordinality c (id, captured, app, n)
  )
  select w.owner, w.cur, w.drew from wallet w where w.drew > 0;
end
$$;
