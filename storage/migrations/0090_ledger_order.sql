-- Two lock orders put right, and a wallet that is made later has the standing of its person.

-- Makes sure the wallets exist and locks them in the one order everybody uses, from the highest number down, each made in
-- its turn. A new one is as suspended as the others of its person, and for a closed person none is made. Whoever changes
-- the standing locks all wallets before: so one of them is locked here before it is believed.
create or replace function ledger.lock_wallets(p_owner bigint, p_cur smallint[]) returns void language plpgsql as $$
declare
  wanted smallint;
  standing ledger.account_status;
begin
  for wanted in select distinct c from unnest(p_cur) c order by c desc loop
    perform 1 from ledger.account a where a.owner = p_owner and a.cur = wanted for no key update;
    continue when found;
    -- One below the new one, where there is one: those above would be locked out of order.
    select a.status into standing from ledger.account a
     where a.owner = p_owner order by a.cur > wanted, abs(a.cur - wanted) limit 1 for no key update;
    continue when standing = 'closed';
    insert into ledger.account (owner, cur, status) values (p_owner, wanted, coalesce(standing, 'active'))
      on conflict (owner, cur) do nothing;
    if not found then
      perform 1 from ledger.account a where a.owner = p_owner and a.cur = wanted for no key update;
    end if;
  end loop;
end
$$;

-- As before, but a wallet that was not made because its person's account is closed says so.
create or replace function ledger.post(
  p_op uuid, p_leg smallint, p_owner bigint, p_cur smallint, p_amount bigint, p_kind ledger.kind,
  p_house ledger.house, p_app smallint, p_ref uuid, p_note text, p_actor text
) returns ledger.result language plpgsql as $$
declare
  w ledger.account;
begin
  select * into w from ledger.account a where a.owner = p_owner and a.cur = p_cur;
  if w.owner is null then
    return ledger.refused(case when exists (select from ledger.account a where a.owner = p_owner and a.status = 'closed')
                               then 'closed' else 'no_account' end, p_op, p_amount);
  elsif w.status = 'closed' then
    return ledger.refused('closed', p_op, p_amount);
  elsif p_amount < 0 and w.balance - greatest(w.held, w.bonus) < -p_amount then
    return row('insufficient', p_op, p_amount, p_cur, w.balance, greatest(w.held, w.bonus), false)::ledger.result;
  elsif w.balance + p_amount > 1000000000000000 then
    return ledger.refused('overflow', p_op, p_amount);
  end if;
  insert into ledger.transfer (owner, cur, seq, op, leg, kind, house, app, amount, balance_after, ref, note, actor)
    values (p_owner, p_cur, w.seq + 1, p_op, p_leg, p_kind, p_house, p_app, p_amount, w.balance + p_amount,
        p_ref, p_note, p_actor)
    on conflict (op, leg) do nothing;
  if not found then
    return ledger.refused('key_conflict', p_op, p_amount);
  end if;
  update ledger.account a
     set balance = a.balance + p_amount, seq = a.seq + 1, bought = least(a.bought, a.balance + p_amount)
   where a.owner = p_owner and a.cur = p_cur returning a.* into w;
  return row('ok', p_op, p_amount, p_cur, w.balance, w.held, false)::ledger.result;
end
$$;

-- As before, but the target is made and locked together with the source and not behind it: a spender who has the new target
-- and waits for the source would be waited for. A refusal takes a target that was made for it away again.
create or replace function ledger.convert(
  p_op uuid, p_owner bigint, p_src smallint, p_dst smallint, p_amount bigint, p_rate numeric
) returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result;
  code text;
  rate numeric;
  given numeric;
  had_target boolean;
begin
  if p_amount is null or p_amount not between 1 and 1000000000000 then
    return ledger.refused('bad_amount', p_op, p_amount);
  elsif p_src = p_dst or 2 <> (select count(*) from ledger.currency c where c.cur in (p_src, p_dst) and c.spendable) then
    return ledger.refused('unknown_currency', p_op, p_amount);
  elsif not exists (select from ledger.account a where a.owner = p_owner and a.cur = p_src) then
    return ledger.refused('no_account', p_op, p_amount);
  end if;
  had_target := exists (select from ledger.account a where a.owner = p_owner and a.cur = p_dst);
  perform ledger.lock_wallets(p_owner, array[p_src, p_dst]);
  answer := ledger.known_conversion(p_op, p_owner, p_src, p_dst, p_amount);
  if answer.code is not null then
    return answer;
  end if;
  select max(a.status)::text into code from ledger.account a where a.owner = p_owner and a.cur in (p_src, p_dst);
  rate := ledger.newest_rate(p_src, p_dst);
  given := ledger.converted(p_amount, rate, p_src, p_dst);
  code := case
    when code <> 'active' then code
    when rate is null then 'no_rate'
    when rate is distinct from p_rate then 'rate_changed'
    when given < 1 then 'amount_too_small'
    when given > 1000000000000 then 'overflow'
    when given > 1000000000000000 - (select coalesce(max(a.balance), 0) from ledger.account a
                                      where a.owner = p_owner and a.cur = p_dst) then 'overflow' end;
  if code is null then
    answer := ledger.post(p_op, 0::smallint, p_owner, p_src, -p_amount, 'convert', 'liquidity', 0::smallint, null,
                          'rate ' || rate, null);
  else
    answer := ledger.refused(code, p_op, p_amount);
  end if;
  if answer.code <> 'ok' then
    delete from ledger.account a where a.owner = p_owner and a.cur = p_dst and a.seq = 0 and not had_target;
    return answer;
  end if;
  return ledger.must(ledger.post(p_op, 1::smallint, p_owner, p_dst, given::bigint, 'convert', 'liquidity', 0::smallint,
                                 null, 'rate ' || rate, null));
end
$$;

-- As before, but a refusal leaves no empty wallet of Stars behind.
create or replace function ledger.purchase(p_op uuid, p_charge text, p_owner bigint, p_stars bigint, p_units bigint)
returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result;
begin
  if coalesce(p_stars, 0) not between 1 and 1000000000 or coalesce(p_units, 0) not between 1 and 1000000000000 then
    return ledger.refused('bad_amount', p_op, p_units);
  end if;
  answer := ledger.known_purchase(p_op, p_charge, p_owner, p_stars, p_units, null);
  if answer.code is not null then
    return answer;
  elsif exists (select from ledger.account a where a.owner = p_owner and a.status = 'closed') then
    return ledger.refused('closed', p_op, p_units);
  end if;
  insert into ledger.purchase (op, charge_id, owner, stars, units) values (p_op, p_charge, p_owner, p_stars, p_units)
    on conflict do nothing;     -- a twin's row is waited for here, before any wallet is locked
  if not found then
    return ledger.known_purchase(p_op, p_charge, p_owner, p_stars, p_units, null);
  end if;
  perform ledger.lock_wallets(p_owner, array[1, 4]::smallint[]);
  answer := ledger.post(p_op, 0::smallint, p_owner, 1::smallint, p_units, 'purchase', 'liquidity', 0::smallint, null,
                        p_charge, null);
  if answer.code <> 'ok' then
    delete from ledger.purchase p where p.op = p_op;
    delete from ledger.account a where a.owner = p_owner and a.cur = 4 and a.seq = 0;
    return answer;
  end if;
  update ledger.account a set bought = a.bought + p_units where a.owner = p_owner and a.cur = 1;
  perform ledger.must(ledger.post(p_op, 1::smallint, p_owner, 4::smallint, p_stars, 'purchase', 'telegram', 0::smallint,
                                  null, p_charge, null));
  perform ledger.must(ledger.post(p_op, 2::smallint, p_owner, 4::smallint, -p_stars, 'purchase', 'liquidity',
                                  0::smallint, null, p_charge, null));
  return answer;
end
$$;

-- As before, but the wallet of Stars is locked before the member: with a purchase that has it and waits for the credits, and
-- the end of a job that has those and waits for the member, it was a circle.
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
  perform ledger.lock_wallets(p_owner, array[4]::smallint[]);
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
  perform ledger.must(ledger.post(p_op, 0::smallint, p_owner, 4::smallint, p_stars, 'purchase', 'telegram', 0::smallint,
                                  null, p_charge, null));
  perform ledger.must(ledger.post(p_op, 1::smallint, p_owner, 4::smallint, -p_stars, 'purchase', 'revenue', 0::smallint,
                                  null, p_plan, null));
  code := 'ok';
end
$$;

