-- Holds of jobs: reserve, capture, release; one job or a set.
--
-- Called only from inside the job functions, in their transaction, after the job rows are locked: two calls about one
-- job never meet here. (Partners have no job row; their functions lock the hold's id first.)
-- LOCK LAYERS, always downwards: job rows (by id) -> holds (by id) -> wallets (by owner, then cur from high to low) ->
-- member rows. Wallets go from high to low because a spend order does (batteries before credits): a single reservation
-- then locks them in its natural order. It does lock one that it cannot use: an UPDATE that has waited for a row and
-- finds that its guard fails keeps the lock.
-- A reservation inserts its hold after it locked the wallet: nobody else can see that row yet, so it closes no cycle.
-- A single call locks one hold and one wallet; a set takes each layer in order. A set of one is the single call.
--
-- READ COMMITTED, and each statement inside plpgsql has a fresh snapshot: what a lock wait revealed is seen by the next
-- statement. A guarded UPDATE re-checks its guard after the wait; that is all the concurrency control there is.

-- Takes p_amount from the open lots of a wallet whose row the caller has just updated, soonest expiry first.
-- Never inside the SET of that update: when the row lock waits, SET is evaluated again and would draw twice.
create function ledger.draw_lots(p_owner bigint, p_cur smallint, p_amount bigint) returns void
language plpgsql as $$
declare
  lot record;
  rest bigint := p_amount;
begin
  for lot in
    select l.op, l.remaining from ledger.lot l
     where l.owner = p_owner and l.cur = p_cur and l.remaining > 0
     order by l.expires_at, l.op
  loop
    update ledger.lot l set remaining = l.remaining - least(rest, lot.remaining) where l.op = lot.op;
    rest := rest - least(rest, lot.remaining);
    exit when rest = 0;
  end loop;
end
$$;

-- All that a user may spend along a spend order, held or not: what all promises of the user are compared with.
create function ledger.spendable(p_owner bigint, p_spend smallint[]) returns bigint
language plpgsql stable as $$
begin
  return (select coalesce(sum(a.balance), 0) from ledger.account a
           where a.owner = p_owner and a.cur = any (p_spend) and a.status = 'active');
end
$$;

-- The same for several at once: answers in the order of the questions.
create function ledger.spendable_each(p_owner bigint[], p_spend text[]) returns bigint[]
language plpgsql stable as $$
begin
  return (select array_agg(w.owned order by x.n)
            from unnest(p_owner, p_spend) with ordinality x (o, s, n)
       cross join lateral (
        select coalesce(sum(a.balance), 0)::bigint as owned from ledger.account a
         where a.owner = x.o and a.cur = any (x.s::smallint[]) and a.status = 'active') w);
end
$$;

-- Why nothing was reserved: an older hold under this id, or the state of the wallets. Runs after the attempt, on a
-- snapshot of its own, so it sees a twin that has just committed.
create function ledger.explain_refused_hold(
  p_hold uuid, p_owner bigint, p_app smallint, p_amount bigint, p_spend smallint[], p_partner boolean,
  out code text, out cur smallint
) language plpgsql as $$
declare
  known ledger.hold;
begin
  select * into known from ledger.hold h where h.id = p_hold;
  if known.id is not null then
    cur := known.cur;
    code := case
      when (known.owner, known.amount, known.app, known.partner)
        is distinct from (p_owner, p_amount, p_app, p_partner) then 'key_conflict'
      when known.state = 'open' then 'ok'
      else 'already_' || known.state end;
    return;
  end if;
  select case when count(*) = 0 then 'no_account'
        when bool_or(a.status = 'active') then 'insufficient'
        when bool_or(a.status = 'suspended') then 'suspended'
        else 'closed' end
    into code
    from ledger.account a where a.owner = p_owner and a.cur = any (p_spend);
end
$$;

-- The whole price from the first wallet of the spend order that covers it. Each try is one guarded UPDATE: there is no
-- moment between looking and taking. A spend order that goes up is locked as a whole first, to keep the order of locks.
create function ledger.hold_one(
  p_hold uuid, p_owner bigint, p_app smallint, p_amount bigint, p_spend smallint[], p_expires_at timestamptz,
  out code text, out cur smallint
) language plpgsql as $$
begin
  if p_amount is null or p_amount not between 1 and 1000000000000 then
    code := 'bad_amount';
    return;
  end if;
  if p_spend[1] < p_spend[2] or p_spend[2] < p_spend[3] then
    perform 1 from ledger.account a
     where a.owner = p_owner and a.cur = any (p_spend) order by a.owner, a.cur desc for no key update;
  end if;
  foreach cur in array p_spend loop
    update ledger.account a set held = a.held + p_amount
     where a.owner = p_owner and a.cur = hold_one.cur and a.status = 'active' and a.balance - a.held >= p_amount;
    continue when not found;
    -- The look under the wallet's lock comes first: ON CONFLICT alone would wait for a capture of the same hold that
    -- is itself waiting for our wallet.
    insert into ledger.hold (id, owner, cur, amount, app, expires_at, partner)
      select p_hold, p_owner, hold_one.cur, p_amount, p_app, p_expires_at, p_expires_at < 'infinity'
       where not exists (select from ledger.hold h where h.id = p_hold)
      on conflict (id) do nothing;
    if found then
      code := 'ok';
      return;
    end if;
    -- A hold with this id exists: undo in the same transaction, then answer by what is stored.
    update ledger.account a set held = a.held - p_amount where a.owner = p_owner and a.cur = hold_one.cur;
    exit;
  end loop;
  select e.code, e.cur into code, cur
    from ledger.explain_refused_hold(p_hold, p_owner, p_app, p_amount, p_spend, p_expires_at < 'infinity') e;
end
$$;

-- A set of reservations. Jobs whose first choice of wallet covers all that choose it go in one statement; what does not
-- fit goes one by one, in the given order. Only wallets that were locked at the beginning take part: one that somebody
-- makes meanwhile would be locked out of order.
create function ledger.hold_jobs(
  p_job uuid[], p_owner bigint[], p_app smallint[], p_amount bigint[], p_spend text[]
) returns table (job uuid, code text, cur smallint) language plpgsql as $$
declare
  owners bigint[];
  curs smallint[];
  frees bigint[];
  taken uuid[];
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
           where (a.owner, a.cur) in (select x.o, unnest(x.s::smallint[]) from unnest(p_owner, p_spend) x (o, s))
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
     where v.total <= v.free and not exists (select from ledger.hold h where h.id = v.j) order by v.j
    on conflict (id) do nothing
    returning hold.id, hold.owner, hold.cur, hold.amount
  ), promised as (
    update ledger.account a set held = a.held + g.amount
      from (select m.owner, m.cur, sum(m.amount)::bigint as amount from made m group by m.owner, m.cur) g
     where a.owner = g.owner and a.cur = g.cur
  )
  select array_agg(m.id) into taken from made m;
  return query select h.id, 'ok', h.cur from ledger.hold h where h.id = any (taken);
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

-- What a hold answers that could not be closed. One that is open now was reserved after our attempt: there was none.
create function ledger.closed_hold_code(p_state ledger.hold_state) returns text language sql immutable as $$
  select case when p_state is null or p_state = 'open' then 'no_hold' else 'already_' || p_state end
$$;

-- Captures least(p_amount, hold) and frees the rest; 0 releases. The state guard is what makes a second capture, or one
-- after a release, write nothing.
create function ledger.capture_one(p_hold uuid, p_amount bigint, out code text, out captured bigint)
language plpgsql as $$
declare
  hold ledger.hold;
  wallet ledger.account;
begin
  update ledger.hold h
     set captured = least(p_amount, h.amount), resolved_at = clock_timestamp(), expires_at = 'infinity',
         state = case when p_amount > 0 then 'captured' else 'released' end::ledger.hold_state
   where h.id = p_hold and h.state = 'open' and p_amount >= 0
  returning h.* into hold;
  if not found then
    select case when coalesce(p_amount, -1) < 0 then 'bad_amount' else ledger.closed_hold_code(h.state) end, h.captured
      into code, captured
      from (select p_hold as id) q left join ledger.hold h using (id);
    return;
  end if;
  code := 'ok';
  captured := hold.captured;
  update ledger.account a
     set balance = a.balance - hold.captured, held = a.held - hold.amount, seq = a.seq + (hold.captured > 0)::int,
         drew = least(a.bonus, hold.captured), bonus = a.bonus - least(a.bonus, hold.captured),
         bought = least(a.bought, a.balance - hold.captured)
   where a.owner = hold.owner and a.cur = hold.cur
  returning a.* into wallet;
  if captured = 0 then
    return;
  end if;
  if wallet.drew > 0 then
    perform ledger.draw_lots(wallet.owner, wallet.cur, wallet.drew);
  end if;
  insert into ledger.transfer (owner, cur, seq, op, kind, house, app, amount, balance_after)
    values (hold.owner, hold.cur, wallet.seq, p_hold, 'capture', 'revenue', hold.app, -captured, wallet.balance);
end
$$;

create function ledger.capture_jobs(p_job uuid[], p_amount bigint[])
returns table (job uuid, code text, captured bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ended uuid[];
  debited record;
begin
  if cardinality(p_job) = 1 then
    return query select p_job[1], c.code, c.captured from ledger.capture_one(p_job[1], p_amount[1]) c;
    return;
  end if;
  -- Only rows that were locked in order are closed: one that appears in between would be locked out of order.
  select array_agg(l.id) into ended
    from (select h.id from ledger.hold h where h.id = any (p_job) order by h.id for no key update) l;
  with closed as (
    update ledger.hold h
       set captured = least(x.n, h.amount), resolved_at = clock_timestamp(), expires_at = 'infinity',
           state = case when x.n > 0 then 'captured' else 'released' end::ledger.hold_state
      from unnest(p_job, p_amount) x (j, n)
     where h.id = x.j and h.id = any (ended) and h.state = 'open' and x.n >= 0
    returning h.id
  )
  select array_agg(c.id) into ended from closed c;
  if ended is not null then
    perform 1 from ledger.account a
     where (a.owner, a.cur) in (select h.owner, h.cur from ledger.hold h where h.id = any (ended))
     order by a.owner, a.cur desc for no key update;
    for debited in select * from ledger.post_captures(ended) loop
      perform ledger.draw_lots(debited.owner, debited.cur, debited.drew);
    end loop;
  end if;
  return query
    select x.j, case when x.j = any (ended) then 'ok' when coalesce(x.n, -1) < 0 then 'bad_amount'
                else ledger.closed_hold_code(h.state) end, h.captured
      from unnest(p_job, p_amount) x (j, n) left join ledger.hold h on h.id = x.j;
end
$$;

-- The money of holds that this transaction has just closed, on wallets it has locked: one UPDATE for all wallets, one
-- INSERT for all transfers. Sequence and running balance count back from the wallet's new row, so they have no gap.
-- Answers the wallets whose lots must be drawn now, after the update.
create function ledger.post_captures(p_hold uuid[])
returns table (owner bigint, cur smallint, drew bigint) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  with closed as (
    select h.id, h.owner, h.cur, h.app, h.amount, h.captured from ledger.hold h where h.id = any (p_hold)
  ), total as (
    select c.owner, c.cur, sum(c.amount)::bigint as freed, sum(c.captured)::bigint as spent,
        count(*) filter (where c.captured > 0) as moves
      from closed c group by c.owner, c.cur
  ), wallet as (
    update ledger.account a
       set balance = a.balance - t.spent, held = a.held - t.freed, seq = a.seq + t.moves,
           drew = least(a.bonus, t.spent), bonus = a.bonus - least(a.bonus, t.spent),
           bought = least(a.bought, a.balance - t.spent)
      from total t where a.owner = t.owner and a.cur = t.cur
    returning a.owner, a.cur, a.balance, a.seq, a.drew, t.spent
  ), posted as (
    insert into ledger.transfer (owner, cur, seq, op, kind, house, app, amount, balance_after)
    select w.owner, w.cur, w.seq - count(*) over later + 1, c.id, 'capture', 'revenue', c.app, -c.captured,
        w.balance + sum(c.captured) over later - c.captured
      from closed c join wallet w on w.owner = c.owner and w.cur = c.cur
     where c.captured > 0
    window later as (partition by w.owner, w.cur order by c.id desc rows unbounded preceding)
     order by w.owner, w.cur, c.id
  )
  select w.owner, w.cur, w.drew from wallet w where w.drew > 0;
end
$$;

create function ledger.release_one(p_hold uuid, p_to ledger.hold_state, out code text, out released bigint)
language plpgsql as $$
declare
  hold ledger.hold;
begin
  update ledger.hold h set state = p_to, resolved_at = clock_timestamp(), expires_at = 'infinity'
   where h.id = p_hold and h.state = 'open' returning h.* into hold;
  if not found then
    select ledger.closed_hold_code(h.state), 0 into code, released
      from (select p_hold as id) q left join ledger.hold h using (id);
    return;
  end if;
  update ledger.account a set held = a.held - hold.amount where a.owner = hold.owner and a.cur = hold.cur;
  code := 'ok';
  released := hold.amount;
end
$$;

create function ledger.release_jobs(p_job uuid[])
returns table (job uuid, code text, released bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ended uuid[];
begin
  if cardinality(p_job) = 1 then
    return query select p_job[1], r.code, r.released from ledger.release_one(p_job[1], 'released') r;
    return;
  end if;
  select array_agg(l.id) into ended
    from (select h.id from ledger.hold h where h.id = any (p_job) order by h.id for no key update) l;
  with closed as (
    update ledger.hold h set state = 'released', resolved_at = clock_timestamp(), expires_at = 'infinity'
     where h.id = any (ended) and h.state = 'open' returning h.id
  )
  select array_agg(c.id) into ended from closed c;
  perform 1 from ledger.account a
   where (a.owner, a.cur) in (select h.owner, h.cur from ledger.hold h where h.id = any (ended))
   order by a.owner, a.cur desc for no key update;
  update ledger.account a set held = a.held - g.amount
    from (select h.owner, h.cur, sum(h.amount)::bigint as amount
            from ledger.hold h where h.id = any (ended) group by h.owner, h.cur) g
   where a.owner = g.owner and a.cur = g.cur;
  return query
    select x.j, case when x.j = any (ended) then 'ok' else ledger.closed_hold_code(h.state) end,
        case when x.j = any (ended) then h.amount else 0 end
      from unnest(p_job) x (j) left join ledger.hold h on h.id = x.j;
end
$$;
