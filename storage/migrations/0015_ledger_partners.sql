-- Holds of partner apps, over HTTP: the same money, with a clock. Expiry is an event that the sweeper writes under the
-- lock of the hold, never a comparison inside capture: either the capture wins or the sweeper, there is no third outcome.
-- A partner sees the holds of its own app only, and never a job's.

-- Codes: ok, insufficient, suspended, closed, no_account, bad_amount, key_conflict, already_*.
create function ledger.reserve(
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

-- What a partner is told about a hold that it cannot close: by state, or that it is none of its own.
create function ledger.partner_hold(p_hold uuid, p_app smallint) returns ledger.hold language sql as $$
  select h.* from ledger.hold h where h.id = p_hold and h.app = p_app and h.partner for no key update
$$;

-- p_amount null captures all. Codes: ok, no_hold, bad_amount, exceeds_hold, key_conflict (captured with another amount),
-- already_released, already_expired. After its time but before the sweeper it is still ok.
create function ledger.capture(p_hold uuid, p_app smallint, p_amount bigint default null) returns ledger.result
language plpgsql security definer as $$
declare
  hold ledger.hold := ledger.partner_hold(p_hold, p_app);
  amount bigint := coalesce(p_amount, case when hold.state = 'captured' then hold.captured else hold.amount end);
  code text;
  w ledger.account;
begin
  code := case
    when hold.id is null then 'no_hold'
    when amount < 1 then 'bad_amount'
    when hold.state = 'captured' then case when hold.captured = amount then 'ok' else 'key_conflict' end
    when hold.state <> 'open' then 'already_' || hold.state
    when amount > hold.amount then 'exceeds_hold' end;
  if code is null then
    select c.code into code from ledger.capture_one(p_hold, amount) c;
  end if;
  select * into w from ledger.account a where a.owner = hold.owner and a.cur = hold.cur;
  return row(code, p_hold, amount, w.cur, w.balance, w.held, hold.state = 'captured')::ledger.result;
end
$$;

-- Codes: ok (also for one released or expired before), no_hold, already_captured.
create function ledger.release(p_hold uuid, p_app smallint) returns ledger.result
language plpgsql security definer as $$
declare
  hold ledger.hold := ledger.partner_hold(p_hold, p_app);
  code text;
  w ledger.account;
begin
  if hold.state = 'open' then
    select r.code into code from ledger.release_one(p_hold, 'released') r;
  else
    code := case when hold.id is null then 'no_hold' when hold.state = 'captured' then 'already_captured' else 'ok' end;
  end if;
  select * into w from ledger.account a where a.owner = hold.owner and a.cur = hold.cur;
  return row(code, p_hold, hold.amount, w.cur, w.balance, w.held, hold.state <> 'open')::ledger.result;
end
$$;

-- A heartbeat: never shortens. Codes: ok, no_hold, already_*.
create function ledger.extend(p_hold uuid, p_app smallint, p_ttl_s double precision, out code text, out until timestamptz)
language plpgsql security definer as $$
declare
  hold ledger.hold := ledger.partner_hold(p_hold, p_app);
begin
  code := case when hold.id is null then 'no_hold' when hold.state = 'open' then 'ok' else 'already_' || hold.state end;
  if code = 'ok' then
    update ledger.hold h set expires_at = greatest(h.expires_at, clock_timestamp() + make_interval(secs => p_ttl_s))
     where h.id = p_hold returning h.expires_at into until;
  end if;
end
$$;

-- One hold a transaction: two sweepers with several would take holds and wallets crosswise. Null: nothing is due.
create function ledger.expire_next() returns uuid language plpgsql security definer as $$
declare
  due uuid;
begin
  select h.id into due from ledger.hold h
   where h.expires_at < clock_timestamp() and h.expires_at < 'infinity'
   order by h.expires_at limit 1 for no key update skip locked;
  if due is not null then
    perform ledger.release_one(due, 'expired');
  end if;
  return due;
end
$$;

-- Reserve and capture at once, for callers that do no work in between.
create function ledger.spend(p_hold uuid, p_owner bigint, p_app smallint, p_amount bigint, p_spend smallint[])
returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result := ledger.reserve(p_hold, p_owner, p_app, p_amount, p_spend, 3600);
begin
  if answer.code in ('ok', 'already_captured') then
    answer := ledger.capture(p_hold, p_app, p_amount);
  end if;
  return answer;
end
$$;

grant execute on function ledger.reserve, ledger.capture, ledger.release, ledger.extend, ledger.expire_next, ledger.spend
  to leyden_app;
