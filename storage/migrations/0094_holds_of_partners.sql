-- A partner's hold and a job never share an id: a partner cannot take the id of a job, whatever has become of it. Where a job
-- comes under the id of a hold all the same, it is refused, and its end leaves the partner's money alone. And the smallest of
-- all numbers is an amount that is refused: its opposite does not exist.

-- As before, but the id of a job is refused, also before the job has its hold.
create or replace function ledger.reserve(
  p_hold uuid, p_owner bigint, p_app smallint, p_amount bigint, p_spend smallint[], p_ttl_s double precision
) returns ledger.result language plpgsql security definer as $$
declare
  known boolean;
  code text;
  paid_from smallint;
  w ledger.account;
begin
  if not coalesce(p_ttl_s > 0, false) then
    raise exception 'a partner''s hold needs a time to live' using errcode = 'LG001';
  end if;
  -- Twins take turns here, before they touch a wallet. Without it the second could wait, wallet in hand, for a capture of
  -- the first one's hold, which waits for a third party that waits for that wallet.
  perform pg_advisory_xact_lock(hashtextextended(p_hold::text, 7301));
  known := exists (select from ledger.hold h where h.id = p_hold);
  if known then
    select e.code, e.cur into code, paid_from
      from ledger.explain_refused_hold(p_hold, p_owner, p_app, p_amount, p_spend, true) e;
  elsif exists (select from work.job j where j.id = p_hold) then
    code := 'key_conflict';
  else
    select h.code, h.cur into code, paid_from
      from ledger.hold_one(p_hold, p_owner, p_app, p_amount, p_spend,
                           clock_timestamp() + make_interval(secs => p_ttl_s)) h;
  end if;
  select * into w from ledger.account a
   where a.owner = p_owner and a.cur = coalesce(paid_from, p_spend[cardinality(p_spend)]);
  return row(code, p_hold, p_amount, w.cur, w.balance, w.held, known)::ledger.result;
end
$$;

-- As before, but a partner's hold is no hold of a job.
create or replace function ledger.capture_jobs(p_job uuid[], p_amount bigint[])
returns table (job uuid, code text, captured bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ended uuid[];
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
      from unnest(p_job, p_amount) x (j, n) left join ledger.hold h on h.id = x.j and not h.partner;
end
$$;

create or replace function ledger.release_jobs(p_job uuid[])
returns table (job uuid, code text, released bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ended uuid[];
begin
  if cardinality(p_job) = 1 then
    return query
      select p_job[1], r.code, r.released
        from ledger.release_one((select h.id from ledger.hold h where h.id = p_job[1] and not h.partner), 'released') r;
    return;
  end if;
  select array_agg(l.id) into ended
    from (select h.id from ledger.hold h where h.id = any (p_job) and not h.partner order by h.id for no key update) l;
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
      from unnest(p_job) x (j) left join ledger.hold h on h.id = x.j and not h.partner;
end
$$;

-- As before, but the amount is compared and not turned around.
create or replace function ledger.adjust(p_op uuid, p_owner bigint, p_cur smallint, p_amount bigint, p_reason text, p_actor text)
returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result;
  w ledger.account;
begin
  if coalesce(p_amount, 0) = 0 or p_amount not between -1000000000000 and 1000000000000 or p_reason is null or p_actor is null then
    return ledger.refused('bad_amount', p_op, p_amount);
  elsif not exists (select from ledger.currency c where c.cur = p_cur and c.spendable) then
    return ledger.refused('unknown_currency', p_op, p_amount);
  end if;
  if p_amount > 0 and not exists (select from ledger.transfer t where t.op = p_op) then
    perform ledger.lock_wallets(p_owner, array[p_cur]);
  end if;
  perform 1 from ledger.account a where a.owner = p_owner and a.cur = p_cur for no key update;
  answer := ledger.known_credit(p_op, p_owner, p_cur, p_amount, 'adjust');
  if answer.code is not null then
    return answer;
  elsif p_amount > 0 then
    return ledger.post(p_op, 0::smallint, p_owner, p_cur, p_amount, 'adjust', 'adjust', 0::smallint, null, p_reason,
                       p_actor);
  end if;
  select * into w from ledger.account a where a.owner = p_owner and a.cur = p_cur;
  if w.owner is null or w.status = 'closed' then
    return ledger.refused(case when w.owner is null then 'no_account' else 'closed' end, p_op, p_amount);
  elsif w.balance - w.held < -p_amount then
    return row('insufficient', p_op, p_amount, p_cur, w.balance, w.held, false)::ledger.result;
  end if;
  update ledger.account a
     set balance = a.balance + p_amount, seq = a.seq + 1, drew = least(a.bonus, -p_amount),
         bonus = a.bonus - least(a.bonus, -p_amount), bought = least(a.bought, a.balance + p_amount)
   where a.owner = p_owner and a.cur = p_cur returning a.* into w;
  if w.drew > 0 then
    perform ledger.draw_lots(p_owner, p_cur, w.drew);
  end if;
  insert into ledger.transfer (owner, cur, seq, op, kind, house, amount, balance_after, note, actor)
    values (p_owner, p_cur, w.seq, p_op, 'adjust', 'adjust', p_amount, w.balance, p_reason, p_actor);
  return row('ok', p_op, p_amount, p_cur, w.balance, w.held, false)::ledger.result;
end
$$;
