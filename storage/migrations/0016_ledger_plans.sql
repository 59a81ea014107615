-- Plans paid in Stars for 30 days at a time. What a plan allows is data of the application and is passed in as p_terms:
-- {"PRO": {"caps": [10,10,10,10,10], "storage_bytes": 52428800, "rank": 1, "price_stars": 500}, ...}.
--
-- LOCKS: the person's account row first (it makes changes of one plan take turns), then the subscription, the Stars
-- wallet (which no job touches), member, workspace.

create type ledger.subscription_state as enum ('active', 'cancelled', 'expired');

create table ledger.subscription (
  owner bigint primary key,
  plan text not null,
  state ledger.subscription_state not null default 'active',    -- cancelled: runs to its end, is not renewed
  started_at timestamptz not null,
  ends_at timestamptz not null,
  auto_renew boolean not null,
  price_stars bigint not null,
  next_plan text,                           -- a smaller plan already paid for: begins when this one ends
  next_days int not null default 0 check (next_days >= 0),
  charge_id text not null,                  -- of the newest payment: what Telegram needs to stop the renewal
  check ((next_plan is null) = (next_days = 0))
) with (fillfactor = 80);
create index subscription_due on ledger.subscription (ends_at) where state <> 'expired';

-- Makes a plan real: caps (and whoever they let in at once), storage and the name. Answers the wake-ups to send.
create function work.apply_plan(p_owner bigint, p_plan text, p_terms jsonb) returns setof work.wake
language plpgsql as $$
declare
  allowed smallint[] := array(select jsonb_array_elements_text(p_terms -> p_plan -> 'caps')::smallint);
  lanes int[];
  free int[];
begin
  update work.member m set caps = allowed where m.user_id = p_owner;
  select array_agg(l), array_agg(m.caps[l] - m.active[l]) into lanes, free
    from work.member m, generate_series(1, 5) l
   where m.user_id = p_owner and m.caps[l] > m.active[l] and m.waiting[l] > 0;
  if lanes is not null then
    return query select * from work.promote(array_fill(p_owner, array[cardinality(lanes)]), lanes, free);
  end if;
  update app.workspace w set limit_bytes = (p_terms -> p_plan ->> 'storage_bytes')::bigint where w.user_id = p_owner;
  update app.user_account a set plan = p_plan where a.id = p_owner;
end
$$;

-- A payment for a plan: the Stars pass through to revenue and the plan begins, is prolonged or waits.
--   same plan    prolongs from its end
--   larger plan  begins now; unused days of the smaller one become days of the larger one by their prices
--   smaller plan begins when the larger one ends
-- Codes: ok, bad_amount, unknown_plan, no_account, closed, key_conflict. The same charge is a replay and changes nothing.
create function ledger.subscribe(
  p_op uuid, p_charge text, p_owner bigint, p_stars bigint, p_plan text, p_auto_renew boolean, p_days int, p_terms jsonb,
  out code text, out replayed boolean, out wakes work.wake[]
) language plpgsql security definer as $$
declare
  moment timestamptz := clock_timestamp();
  term interval := make_interval(days => p_days);
  now_has ledger.subscription;
  rank int := (p_terms -> p_plan ->> 'rank')::int;
  answer ledger.result;
begin
  answer := ledger.known_purchase(p_op, p_charge, p_owner, p_stars, 0, p_plan);
  replayed := answer.code is not null;
  code := case
    when replayed then answer.code
    when coalesce(p_stars, 0) not between 1 and 1000000000 or p_days < 1 then 'bad_amount'
    when coalesce(rank, 0) < 1 then 'unknown_plan'
    when not exists (select from app.user_account u where u.id = p_owner) then 'no_account'
    when exists (select from ledger.account a where a.owner = p_owner and a.status = 'closed') then 'closed' end;
  if code is not null then
    return;
  end if;
  insert into ledger.purchase (op, charge_id, owner, stars, units, plan)
    values (p_op, p_charge, p_owner, p_stars, 0, p_plan) on conflict do nothing;
  if not found then     -- a twin was faster
    answer := ledger.known_purchase(p_op, p_charge, p_owner, p_stars, 0, p_plan);
    code := answer.code;
    replayed := true;
    return;
  end if;
  perform 1 from app.user_account u where u.id = p_owner for no key update;
  select * into now_has from ledger.subscription s where s.owner = p_owner and s.state <> 'expired' for no key update;
  if now_has.owner is null or rank > (p_terms -> now_has.plan ->> 'rank')::int then
    insert into ledger.subscription (owner, plan, started_at, ends_at, auto_renew, price_stars, charge_id)
      values (p_owner, p_plan, moment, moment + term, p_auto_renew, p_stars, p_charge)
      on conflict (owner) do update
       set plan = excluded.plan, state = 'active', started_at = excluded.started_at, auto_renew = excluded.auto_renew,
           ends_at = excluded.ends_at + case when subscription.state = 'expired' then interval '0'
            else greatest(subscription.ends_at - moment, interval '0')
                 * (subscription.price_stars::float8 / excluded.price_stars) end,
          price_stars = excluded.price_stars, charge_id = excluded.charge_id;
    select array_agg(w::work.wake) into wakes from work.apply_plan(p_owner, p_plan, p_terms) w;
  elsif p_plan = now_has.plan then
    update ledger.subscription s
       set ends_at = s.ends_at + term, state = 'active', auto_renew = p_auto_renew, price_stars = p_stars,
           charge_id = p_charge
     where s.owner = p_owner;
  else
    update ledger.subscription s
       set next_plan = p_plan, next_days = p_days + case when s.next_plan = p_plan then s.next_days else 0 end
     where s.owner = p_owner;
  end if;
  perform ledger.lock_wallets(p_owner, array[4]::smallint[]);
  perform ledger.must(ledger.post(p_op, 0::smallint, p_owner, 4::smallint, p_stars, 'purchase', 'telegram', 0::smallint,
                                  null, p_charge, null));
  perform ledger.must(ledger.post(p_op, 1::smallint, p_owner, 4::smallint, -p_stars, 'purchase', 'revenue', 0::smallint,
                                  null, p_plan, null));
  code := 'ok';
end
$$;

-- The person stops, or resumes, the renewal. The plan runs to its end either way.
create function ledger.set_auto_renew(p_owner bigint, p_auto_renew boolean) returns boolean
language plpgsql security definer as $$
begin
  update ledger.subscription s
     set auto_renew = p_auto_renew,
         state = case when p_auto_renew then 'active' else 'cancelled' end::ledger.subscription_state
   where s.owner = p_owner and s.state <> 'expired';
  return found;
end
$$;

-- Ends one plan whose time is over (a renewing one after p_grace_s: its payment may be on the way): the smaller plan that
-- was paid for begins, or FREE. One a transaction. owner null: nothing is due.
create function ledger.expire_plan_next(
  p_grace_s double precision, p_terms jsonb, out owner bigint, out plan text, out wakes work.wake[]
) language plpgsql security definer as $$
declare
  due ledger.subscription;
begin
  select s.owner into owner from ledger.subscription s
   where s.state <> 'expired' and s.ends_at
         < clock_timestamp() - make_interval(secs => case when s.auto_renew then p_grace_s else 0 end)
   order by s.ends_at limit 1;
  perform 1 from app.user_account u where u.id = expire_plan_next.owner for no key update;
  -- A payment may have come while we waited: look again, under the lock.
  select * into due from ledger.subscription s
   where s.owner = expire_plan_next.owner and s.state <> 'expired' and s.ends_at
         < clock_timestamp() - make_interval(secs => case when s.auto_renew then p_grace_s else 0 end)
     for no key update;
  if due.owner is null then
    owner := null;
    return;
  end if;
  plan := coalesce(due.next_plan, 'FREE');
  update ledger.subscription s
     set plan = coalesce(due.next_plan, s.plan), next_plan = null, next_days = 0,
         state = case when due.next_plan is null then 'expired' else s.state end,
         started_at = case when due.next_plan is null then s.started_at else due.ends_at end,
         ends_at = due.ends_at + make_interval(days => due.next_days), auto_renew = false,
         price_stars = case when due.next_plan is null then s.price_stars
                            else (p_terms -> due.next_plan ->> 'price_stars')::bigint end
   where s.owner = due.owner;
  select array_agg(w::work.wake) into wakes from work.apply_plan(due.owner, plan, p_terms) w;
end
$$;

-- A plan given by an operator, without money and without an end.
create function ledger.set_plan(p_owner bigint, p_plan text, p_terms jsonb, out code text, out wakes work.wake[])
language plpgsql security definer as $$
begin
  code := case when not p_terms ? p_plan then 'unknown_plan'
               when not exists (select from app.user_account u where u.id = p_owner) then 'no_account' else 'ok' end;
  if code = 'ok' then
    perform 1 from app.user_account u where u.id = p_owner for no key update;
    delete from ledger.subscription s where s.owner = p_owner;
    select array_agg(w::work.wake) into wakes from work.apply_plan(p_owner, p_plan, p_terms) w;
  end if;
end
$$;

grant select on ledger.subscription to leyden_app;
grant execute on function ledger.subscribe, ledger.set_auto_renew, ledger.expire_plan_next, ledger.set_plan to leyden_app;
