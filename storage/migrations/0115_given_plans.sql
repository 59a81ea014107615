-- A plan that an operator gave has no end, and no purchase makes it lower. What it includes is not sold: it would be paid for
-- nothing. A larger one that is bought begins at once, and when it ends the given one is back.

alter table ledger.subscription add column given_plan text not null default 'FREE';     -- what its person has without it

-- What an operator gave, FREE where it was nothing. Without a subscription that runs, the plan of an account was given.
create function ledger.given_plan(p_owner bigint) returns text language sql stable as $$
  select coalesce(s.given_plan, u.plan)
    from app.user_account u left join ledger.subscription s on s.owner = u.id and s.state <> 'expired'
   where u.id = p_owner
$$;
grant execute on function ledger.given_plan to leyden_app;

-- As before, but what a given plan includes is refused (`plan_given`), and whether the account is closed is asked under its
-- locks: one that was closed in between was an error and not a refusal.
create or replace function ledger.subscribe(
  p_op uuid, p_charge text, p_owner bigint, p_stars bigint, p_plan text, p_auto_renew boolean, p_days int, p_terms jsonb,
  out code text, out replayed boolean, out wakes work.wake[]
) language plpgsql security definer as $$
declare
  moment timestamptz := clock_timestamp();
  term interval := make_interval(days => p_days);
  now_has ledger.subscription;
  rank int := (p_terms -> p_plan ->> 'rank')::int;
  answer ledger.result;
  given text;
begin
  answer := ledger.known_purchase(p_op, p_charge, p_owner, p_stars, 0, p_plan);
  replayed := answer.code is not null;
  code := case
    when replayed then answer.code
    when coalesce(p_stars, 0) not between 1 and 1000000000 or p_days < 1 then 'bad_amount'
    when coalesce(rank, 0) < 1 then 'unknown_plan'
    when not exists (select from app.user_account u where u.id = p_owner) then 'no_account' end;
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
  perform ledger.lock_wallets(p_owner, array[4]::smallint[]);
  given := ledger.given_plan(p_owner);
  code := case
    when exists (select from ledger.account a where a.owner = p_owner and a.status = 'closed') then 'closed'
    when rank <= (p_terms -> given ->> 'rank')::int then 'plan_given' end;
  if code is not null then
    delete from ledger.purchase p where p.op = p_op;
    delete from ledger.account a where a.owner = p_owner and a.cur = 4 and a.seq = 0;
    return;
  end if;
  select * into now_has from ledger.subscription s where s.owner = p_owner and s.state <> 'expired' for no key update;
  if now_has.owner is null or rank > (p_terms -> now_has.plan ->> 'rank')::int then
    insert into ledger.subscription (owner, plan, started_at, ends_at, auto_renew, price_stars, charge_id, given_plan)
      values (p_owner, p_plan, moment, moment + term, p_auto_renew, p_stars, p_charge, given)
      on conflict (owner) do update
       set plan = excluded.plan, state = 'active', started_at = excluded.started_at, auto_renew = excluded.auto_renew,
           ends_at = excluded.ends_at + case when subscription.state = 'expired' then interval '0'
            else greatest(subscription.ends_at - moment, interval '0')
                 * (subscription.price_stars::float8 / excluded.price_stars) end,
          price_stars = excluded.price_stars, charge_id = excluded.charge_id, given_plan = excluded.given_plan;
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
  perform ledger.must(ledger.post(p_op, 0::smallint, p_owner, 4::smallint, p_stars, 'purchase', 'telegram', 0::smallint,
                                  null, p_charge, null));
  perform ledger.must(ledger.post(p_op, 1::smallint, p_owner, 4::smallint, -p_stars, 'purchase', 'revenue', 0::smallint,
                                  null, p_plan, null));
  code := 'ok';
end
$$;

-- As before, but behind the last plan that was paid for comes the given one.
create or replace function ledger.expire_plan_next(
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
  plan := coalesce(due.next_plan, due.given_plan);
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
