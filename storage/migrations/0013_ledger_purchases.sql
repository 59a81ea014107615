-- Stars. A purchase is keyed by Telegram's charge id, never by the invoice: an old invoice can be paid again, and one
-- payment can be reported twice.
--
-- LOCKS: the purchase row first, then wallets (by owner, cur from high to low).

create type ledger.purchase_state as enum ('paid', 'refunding', 'refunded');

create table ledger.purchase (
  op uuid primary key,
  charge_id text not null unique,
  owner bigint not null,
  stars bigint not null check (stars between 1 and 1000000000),
  units bigint not null check (units between 0 and 1000000000000),   -- 0: the Stars paid for a plan
  plan text,
  refund_op uuid,
  state ledger.purchase_state not null default 'paid',
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  check ((units = 0) = (plan is not null)),
  check ((state = 'paid') or refund_op is not null)
) with (fillfactor = 90);
create index purchase_refunding on ledger.purchase (changed_at) where state = 'refunding';
create index purchase_owner on ledger.purchase (owner, created_at);

create function ledger.known_purchase(
  p_op uuid, p_charge text, p_owner bigint, p_stars bigint, p_units bigint, p_plan text
) returns ledger.result language sql stable as $$
  select case when (p.op, p.charge_id, p.owner, p.stars, p.units) = (p_op, p_charge, p_owner, p_stars, p_units)
               and p.plan is not distinct from p_plan then 'ok' else 'key_conflict' end,
         p_op, p.units, 1::smallint, null::bigint, null::bigint, true
    from ledger.purchase p where p.op = p_op or p.charge_id = p_charge limit 1
$$;

-- Credits for Stars in three linked legs: Stars in from Telegram, Stars on to liquidity, credits from liquidity.
-- Codes: ok, bad_amount, closed, overflow, key_conflict. `suspended` takes money in, `closed` does not.
create function ledger.purchase(p_op uuid, p_charge text, p_owner bigint, p_stars bigint, p_units bigint)
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

-- Takes the credits of a purchase back so that its Stars can be returned: at most what was bought and is unspent, and
-- neither held nor bonus. The row then waits as 'refunding' until Telegram has answered.
-- Codes: ok, no_hold (no such purchase), exceeds_capture (returned before), closed, insufficient, key_conflict.
create function ledger.refund_purchase(p_op uuid, p_purchase uuid, p_note text, p_actor text) returns ledger.result
language plpgsql security definer as $$
declare
  sale ledger.purchase;
  w ledger.account;
  answer ledger.result;
begin
  select * into sale from ledger.purchase p where p.op = p_purchase for no key update;
  if sale.op is null or sale.units = 0 then
    return ledger.refused('no_hold', p_op, null);
  elsif sale.refund_op = p_op then
    return row('ok', p_op, -sale.units, 1, null, null, true)::ledger.result;
  elsif sale.state <> 'paid' then
    return ledger.refused('exceeds_capture', p_op, sale.units);
  end if;
  perform 1 from ledger.account a
   where a.owner = sale.owner and a.cur in (1, 4) order by a.owner, a.cur desc for no key update;
  select * into w from ledger.account a where a.owner = sale.owner and a.cur = 1;
  if least(w.bought, w.balance - greatest(w.held, w.bonus)) < sale.units then
    return row('insufficient', p_op, sale.units, 1, w.balance,
               greatest(w.held, w.bonus, w.balance - w.bought), false)::ledger.result;
  end if;
  answer := ledger.post(p_op, 0::smallint, sale.owner, 1::smallint, -sale.units, 'stars_refund', 'liquidity',
                        0::smallint, p_purchase, p_note, p_actor);
  if answer.code <> 'ok' then
    return answer;
  end if;
  -- Not least(bought, balance) alone: these Stars are on their way back and must not go twice.
  update ledger.account a set bought = least(w.bought - sale.units, a.balance) where a.owner = sale.owner and a.cur = 1;
  perform ledger.must(ledger.post(p_op, 1::smallint, sale.owner, 4::smallint, sale.stars, 'stars_refund', 'liquidity',
                                  0::smallint, p_purchase, p_note, p_actor));
  perform ledger.must(ledger.post(p_op, 2::smallint, sale.owner, 4::smallint, -sale.stars, 'stars_refund', 'telegram',
                                  0::smallint, p_purchase, p_note, p_actor));
  update ledger.purchase p set state = 'refunding', refund_op = p_op, changed_at = clock_timestamp()
   where p.op = p_purchase;
  return answer;
end
$$;

-- Telegram has returned the Stars (or says that it had done so before).
create function ledger.confirm_refund(p_purchase uuid) returns boolean language plpgsql security definer as $$
begin
  update ledger.purchase p set state = 'refunded', changed_at = clock_timestamp()
   where p.op = p_purchase and p.state = 'refunding';
  return found or exists (select from ledger.purchase p where p.op = p_purchase and p.state = 'refunded');
end
$$;

-- Telegram has refused for good: the credits come back, bought as before.
create function ledger.undo_refund(p_op uuid, p_purchase uuid, p_note text, p_actor text) returns ledger.result
language plpgsql security definer as $$
declare
  sale ledger.purchase;
  answer ledger.result;
begin
  select * into sale from ledger.purchase p where p.op = p_purchase for no key update;
  if sale.op is not null and exists (select from ledger.transfer t where t.op = p_op and t.ref = p_purchase) then
    return row('ok', p_op, sale.units, 1, null, null, true)::ledger.result;
  elsif sale.op is null or sale.state <> 'refunding' then
    return ledger.refused('no_hold', p_op, null);
  end if;
  perform ledger.lock_wallets(sale.owner, array[1, 4]::smallint[]);
  answer := ledger.post(p_op, 0::smallint, sale.owner, 1::smallint, sale.units, 'stars_refund', 'liquidity', 0::smallint,
                        p_purchase, p_note, p_actor);
  if answer.code <> 'ok' then
    return answer;
  end if;
  update ledger.account a set bought = a.bought + sale.units where a.owner = sale.owner and a.cur = 1;
  perform ledger.must(ledger.post(p_op, 1::smallint, sale.owner, 4::smallint, sale.stars, 'stars_refund', 'telegram',
                                  0::smallint, p_purchase, p_note, p_actor));
  perform ledger.must(ledger.post(p_op, 2::smallint, sale.owner, 4::smallint, -sale.stars, 'stars_refund', 'liquidity',
                                  0::smallint, p_purchase, p_note, p_actor));
  update ledger.purchase p set state = 'paid', refund_op = null, changed_at = clock_timestamp() where p.op = p_purchase;
  return answer;
end
$$;

grant select on ledger.purchase to leyden_app;
grant execute on function ledger.purchase, ledger.refund_purchase, ledger.confirm_refund, ledger.undo_refund
  to leyden_app;
