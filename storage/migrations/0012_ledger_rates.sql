-- Conversion between CREDIT, BATV and BATT at the rate the person was shown.

-- No way round may give back more than went in: neither there and back nor through the third currency. One lock for all
-- pairs: two changes that are harmless alone could pump together.
create function ledger.guard_rate() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(7301, 1);
  if exists (
    with newest as (
      select distinct on (r.src, r.dst) r.src, r.dst, r.rate from ledger.rate r
       where (r.src, r.dst) <> (new.src, new.dst) order by r.src, r.dst, r.id desc)
    select from newest back where back.src = new.dst and back.dst = new.src and back.rate * new.rate > 1
    union all
    select from newest onward join newest home on home.src = onward.dst
     where onward.src = new.dst and home.dst = new.src and onward.rate * home.rate * new.rate > 1
  ) then
    raise exception 'rate % from % to % would create money', new.rate, new.src, new.dst using errcode = 'LG003';
  end if;
  return new;
end
$$;
create trigger rate_guard before insert on ledger.rate for each row execute function ledger.guard_rate();

create function ledger.newest_rate(p_src smallint, p_dst smallint) returns numeric language sql stable as $$
  select r.rate from ledger.rate r where r.src = p_src and r.dst = p_dst order by r.id desc limit 1
$$;

-- Codes: ok, unknown_currency, bad_amount, rate_pump. Setting the rate that holds already writes nothing.
create function ledger.set_rate(p_src smallint, p_dst smallint, p_rate numeric, p_actor text) returns text
language plpgsql security definer as $$
begin
  if p_src = p_dst or 2 <> (select count(*) from ledger.currency c where c.cur in (p_src, p_dst) and c.spendable) then
    return 'unknown_currency';
  elsif p_rate is null or p_rate <= 0 or p_rate >= 1000000 or p_rate <> round(p_rate, 4) then
    return 'bad_amount';
  elsif p_rate = ledger.newest_rate(p_src, p_dst) then
    return 'ok';
  end if;
  insert into ledger.rate (src, dst, rate, set_by) values (p_src, p_dst, p_rate, p_actor);
  return 'ok';
exception when sqlstate 'LG003' then
  return 'rate_pump';
end
$$;

-- The amount given for p_amount: rounded down, the remainder stays with the house.
create function ledger.converted(p_amount bigint, p_rate numeric, p_src smallint, p_dst smallint) returns numeric
language sql stable as $$
  select floor(p_amount * p_rate * 10::numeric ^ (d.scale - s.scale))
    from ledger.currency s, ledger.currency d where s.cur = p_src and d.cur = p_dst
$$;

create function ledger.known_conversion(p_op uuid, p_owner bigint, p_src smallint, p_dst smallint, p_amount bigint)
returns ledger.result language sql stable as $$
  select case when (t.owner, t.cur, t.amount, t.kind, u.cur) = (p_owner, p_src, -p_amount, 'convert', p_dst)
              then 'ok' else 'key_conflict' end,
         p_op, u.amount, u.cur, u.balance_after, null::bigint, true
    from ledger.transfer t left join ledger.transfer u on u.op = t.op and u.leg = 1
   where t.op = p_op and t.leg = 0
$$;

-- Two linked legs through the house's liquidity. p_rate is what the person saw: if it has moved, nothing happens.
-- Codes: ok (amount = what was given), bad_amount, unknown_currency, no_account, suspended, closed, no_rate,
-- rate_changed, amount_too_small, insufficient, overflow, key_conflict.
create function ledger.convert(
  p_op uuid, p_owner bigint, p_src smallint, p_dst smallint, p_amount bigint, p_rate numeric
) returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result;
  code text;
  rate numeric;
  given numeric;
begin
  if p_amount is null or p_amount not between 1 and 1000000000000 then
    return ledger.refused('bad_amount', p_op, p_amount);
  elsif p_src = p_dst or 2 <> (select count(*) from ledger.currency c where c.cur in (p_src, p_dst) and c.spendable) then
    return ledger.refused('unknown_currency', p_op, p_amount);
  end if;
  -- Both wallets in one order, so two opposite conversions wait for each other and never in a circle.
  perform 1 from ledger.account a
   where a.owner = p_owner and a.cur in (p_src, p_dst) order by a.owner, a.cur desc for no key update;
  answer := ledger.known_conversion(p_op, p_owner, p_src, p_dst, p_amount);
  if answer.code is not null then
    return answer;
  end if;
  select max(a.status)::text into code from ledger.account a where a.owner = p_owner and a.cur in (p_src, p_dst);
  rate := ledger.newest_rate(p_src, p_dst);
  given := ledger.converted(p_amount, rate, p_src, p_dst);
  code := case
    when not exists (select from ledger.account a where a.owner = p_owner and a.cur = p_src) then 'no_account'
    when code <> 'active' then code
    when rate is null then 'no_rate'
    when rate is distinct from p_rate then 'rate_changed'
    when given < 1 then 'amount_too_small'
    when given > 1000000000000 then 'overflow'
    when given > 1000000000000000 - (select coalesce(max(a.balance), 0) from ledger.account a
                                      where a.owner = p_owner and a.cur = p_dst) then 'overflow' end;
  if code is not null then
    return ledger.refused(code, p_op, p_amount);
  end if;
  answer := ledger.post(p_op, 0::smallint, p_owner, p_src, -p_amount, 'convert', 'liquidity', 0::smallint, null,
                        'rate ' || rate, null);
  if answer.code <> 'ok' then
    return answer;
  end if;
  perform ledger.lock_wallets(p_owner, array[p_dst]);     -- only here: a refusal leaves no empty wallet behind
  return ledger.must(ledger.post(p_op, 1::smallint, p_owner, p_dst, given::bigint, 'convert', 'liquidity', 0::smallint,
                                 null, 'rate ' || rate, null));
end
$$;

insert into ledger.rate (src, dst, rate, set_by)
  select s, d, 1, 'migration' from unnest(array[1, 2, 3]) s, unnest(array[1, 2, 3]) d where s <> d order by s, d;

grant execute on function ledger.newest_rate, ledger.set_rate, ledger.convert to leyden_app;
