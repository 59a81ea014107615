-- Money into a wallet: grants, bonuses, imports. One posting function for everything outside the hot path.

create function ledger.refused(p_code text, p_op uuid, p_amount bigint) returns ledger.result
language sql immutable as $$
  select row(p_code, p_op, p_amount, null, null, null, false)::ledger.result
$$;

-- One leg on a wallet whose row the caller has locked. Money out comes only from what is neither held nor bonus.
-- Codes: ok, no_account, closed, insufficient (held then is what may not leave), overflow, key_conflict (another wallet's
-- operation has this id; everything is undone).
create function ledger.post(
  p_op uuid, p_leg smallint, p_owner bigint, p_cur smallint, p_amount bigint, p_kind ledger.kind,
  p_house ledger.house, p_app smallint, p_ref uuid, p_note text, p_actor text
) returns ledger.result language plpgsql as $$
declare
  w ledger.account;
begin
  select * into w from ledger.account a where a.owner = p_owner and a.cur = p_cur;
  if w.owner is null then
    return ledger.refused('no_account', p_op, p_amount);
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

-- A leg after the first may not be refused: the operation is undone as a whole.
create function ledger.must(p_leg ledger.result) returns ledger.result language plpgsql as $$
begin
  if p_leg.code <> 'ok' then
    raise exception 'a later leg was refused: %', p_leg.code using errcode = 'LG004';
  end if;
  return p_leg;
end
$$;

-- Makes sure the wallets exist and locks them in the one order everybody uses.
create function ledger.lock_wallets(p_owner bigint, p_cur smallint[]) returns void language plpgsql as $$
begin
  insert into ledger.account (owner, cur)
    select p_owner, c from unnest(p_cur) c order by c desc on conflict (owner, cur) do nothing;
  perform 1 from ledger.account a
   where a.owner = p_owner and a.cur = any (p_cur) order by a.owner, a.cur desc for no key update;
end
$$;

create function ledger.credit_house(p_kind ledger.kind) returns ledger.house language sql immutable as $$
  select case p_kind when 'grant' then 'promo' when 'bonus' then 'promo' when 'migrate' then 'migration' end::ledger.house
$$;

-- The answer to an operation that was posted before, or a row of nulls.
create function ledger.known_credit(p_op uuid, p_owner bigint, p_cur smallint, p_amount bigint, p_kind ledger.kind)
returns ledger.result language sql stable as $$
  select case when (t.owner, t.cur, t.amount, t.kind) = (p_owner, p_cur, p_amount, p_kind)
              then 'ok' else 'key_conflict' end,
         p_op, t.amount, t.cur, t.balance_after, null::bigint, true
    from ledger.transfer t where t.op = p_op and t.leg = 0
$$;

-- A grant, a bonus or an imported balance. Idempotent by p_op for ever. A bonus always makes a lot (without an expiry
-- it lasts for ever); another kind makes one when it has an expiry.
create function ledger.credit(
  p_op uuid, p_owner bigint, p_cur smallint, p_amount bigint, p_kind ledger.kind,
  p_expires_at timestamptz default null, p_note text default null, p_actor text default null
) returns ledger.result language plpgsql security definer as $$
declare
  lasts_until timestamptz := coalesce(p_expires_at, case when p_kind = 'bonus' then 'infinity'::timestamptz end);
  answer ledger.result;
begin
  if p_amount is null or p_amount not between 1 and 1000000000000 then
    return ledger.refused('bad_amount', p_op, p_amount);
  elsif ledger.credit_house(p_kind) is null then
    raise exception 'credit does not post %', p_kind using errcode = 'LG001';
  elsif not exists (select 1 from ledger.currency c where c.cur = p_cur and c.spendable) then
    return ledger.refused('unknown_currency', p_op, p_amount);
  end if;
  answer := ledger.known_credit(p_op, p_owner, p_cur, p_amount, p_kind);
  if answer.code is not null then
    return answer;
  end if;
  perform ledger.lock_wallets(p_owner, array[p_cur]);     -- twins wait here; the second finds the first one's row:
  answer := ledger.known_credit(p_op, p_owner, p_cur, p_amount, p_kind);
  if answer.code is not null then
    return answer;
  end if;
  answer := ledger.post(p_op, 0::smallint, p_owner, p_cur, p_amount, p_kind, ledger.credit_house(p_kind), 0::smallint,
             null, p_note, p_actor);
  if answer.code = 'ok' and lasts_until is not null then
    insert into ledger.lot (op, owner, cur, amount, remaining, expires_at)
      values (p_op, p_owner, p_cur, p_amount, p_amount, lasts_until);
    update ledger.account a set bonus = a.bonus + p_amount where a.owner = p_owner and a.cur = p_cur;
  end if;
  return answer;
end
$$;

-- Several grants in one transaction: the sign-up of one user, or a batch of a run over all users. Wallets are visited in
-- the common order, so two runs at once wait for each other and never in a circle.
create function ledger.credit_all(
  p_op uuid[], p_owner bigint[], p_cur smallint[], p_amount bigint[], p_kind text[], p_expires_at timestamptz[],
  p_note text, p_actor text
) returns setof ledger.result language plpgsql security definer as $$
declare
  x record;
begin
  for x in
    select u.* from unnest(p_op, p_owner, p_cur, p_amount, p_kind, p_expires_at)
                    u (op, owner, cur, amount, kind, expires_at)
     order by u.owner, u.cur desc, u.op
  loop
    return next ledger.credit(x.op, x.owner, x.cur, x.amount, x.kind::ledger.kind, x.expires_at, p_note, p_actor);
  end loop;
end
$$;

-- active | suspended | closed, for all wallets of a user. Holds that are open may still be captured or released.
create function ledger.set_status(p_owner bigint, p_status ledger.account_status) returns integer
language plpgsql security definer as $$
declare
  changed integer;
begin
  perform 1 from ledger.account a where a.owner = p_owner order by a.owner, a.cur desc for no key update;
  update ledger.account a set status = p_status where a.owner = p_owner;
  get diagnostics changed = row_count;
  return changed;
end
$$;

grant execute on function ledger.credit, ledger.credit_all, ledger.set_status to leyden_app;
