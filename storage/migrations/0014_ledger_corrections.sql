-- Money that comes back or is put right: refund of a job, correction by a person, lapse of a bonus.

-- Gives a captured job's charge back, in part or whole, as ordinary credits. LOCKS: the hold, then its wallet.
-- Codes: ok, no_hold, not_captured, bad_amount, exceeds_capture, closed, overflow, key_conflict.
create function ledger.refund(p_op uuid, p_hold uuid, p_amount bigint, p_note text, p_actor text) returns ledger.result
language plpgsql security definer as $$
declare
  hold ledger.hold;
  known ledger.transfer;
  back bigint;
  answer ledger.result;
begin
  if p_amount < 1 then
    return ledger.refused('bad_amount', p_op, p_amount);
  end if;
  select * into hold from ledger.hold h where h.id = p_hold for no key update;
  select * into known from ledger.transfer t where t.op = p_op and t.leg = 0;
  if known.op is not null then
    return row(case when known.kind = 'refund' and known.ref = p_hold and known.amount = coalesce(p_amount, known.amount)
                    then 'ok' else 'key_conflict' end,
               p_op, known.amount, known.cur, known.balance_after, null, true)::ledger.result;
  elsif hold.id is null then
    return ledger.refused('no_hold', p_op, p_amount);
  elsif hold.state <> 'captured' then
    return ledger.refused('not_captured', p_op, p_amount);
  end if;
  back := coalesce(p_amount, hold.captured - hold.refunded);
  if back < 1 or hold.refunded + back > hold.captured then
    return ledger.refused('exceeds_capture', p_op, back);
  end if;
  perform 1 from ledger.account a where a.owner = hold.owner and a.cur = hold.cur for no key update;
  answer := ledger.post(p_op, 0::smallint, hold.owner, hold.cur, back, 'refund', 'revenue', hold.app, p_hold, p_note,
                        p_actor);
  if answer.code = 'ok' then
    update ledger.hold h set refunded = h.refunded + back where h.id = p_hold;
  end if;
  return answer;
end
$$;

-- A correction with a reason and an actor, up or down. Down draws like a spend (lots first) and never takes what is held:
-- unlike a conversion it may take back a bonus that was given by mistake.
-- Codes: ok, bad_amount, unknown_currency, no_account, closed, insufficient, overflow, key_conflict.
create function ledger.adjust(p_op uuid, p_owner bigint, p_cur smallint, p_amount bigint, p_reason text, p_actor text)
returns ledger.result language plpgsql security definer as $$
declare
  answer ledger.result;
  w ledger.account;
begin
  if coalesce(p_amount, 0) = 0 or abs(p_amount) > 1000000000000 or p_reason is null or p_actor is null then
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

-- Ends what is left of lots whose time has passed, never touching what is held: that part lapses when the hold ends and
-- gives it back. One lot at most a call; the wallet's lock comes before the lot. Null: nothing to do.
create function ledger.lapse_next() returns uuid language plpgsql security definer as $$
declare
  due record;
  rest bigint;
  w ledger.account;
begin
  for due in
    select l.op, l.owner, l.cur from ledger.lot l join ledger.account a using (owner, cur)
     where l.remaining > 0 and l.expires_at < clock_timestamp() and l.expires_at < 'infinity' and a.balance > a.held
     order by l.expires_at limit 10
  loop
    select * into w from ledger.account a where a.owner = due.owner and a.cur = due.cur for no key update skip locked;
    continue when w.owner is null;      -- somebody else is at it, or it is being spent: next time
    select l.remaining into rest from ledger.lot l where l.op = due.op;
    rest := least(rest, w.balance - w.held);
    continue when rest < 1;
    update ledger.lot l set remaining = l.remaining - rest where l.op = due.op;
    update ledger.account a
       set balance = a.balance - rest, bonus = a.bonus - rest, seq = a.seq + 1, bought = least(a.bought, a.balance - rest)
     where a.owner = due.owner and a.cur = due.cur returning a.* into w;
    insert into ledger.transfer (owner, cur, seq, op, kind, house, amount, balance_after, ref)
      values (due.owner, due.cur, w.seq, gen_random_uuid(), 'lapse', 'breakage', -rest, w.balance, due.op);
    return due.op;
  end loop;
  return null;
end
$$;

grant execute on function ledger.refund, ledger.adjust, ledger.lapse_next to leyden_app;
