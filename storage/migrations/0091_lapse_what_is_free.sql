-- A hold is paid from the lots that end first, so as much of them waits for it as is held. Before, any credits that were not
-- held stood in for them: a bonus that ended while its job was running lapsed, and the job was then paid with credits that
-- have no end.

-- What may lapse of a lot whose time has come: what is left of it and of all that end before it, beyond what is held.
create function ledger.free_of_lot(p_lot uuid) returns bigint language sql stable as $$
  select least(l.remaining, greatest(0, -a.held + (
           select sum(x.remaining) from ledger.lot x
            where x.owner = l.owner and x.cur = l.cur and x.remaining > 0
              and (x.expires_at, x.op) <= (l.expires_at, l.op))))::bigint
    from ledger.lot l join ledger.account a using (owner, cur) where l.op = p_lot
$$;

-- Ends what is free of lots whose time has passed. One lot at most a call; the wallet's lock comes before the lot. Null:
-- nothing to do.
create or replace function ledger.lapse_next() returns uuid language plpgsql security definer as $$
declare
  due record;
  rest bigint;
  w ledger.account;
begin
  for due in
    select l.op, l.owner, l.cur from ledger.lot l
     where l.remaining > 0 and l.expires_at < clock_timestamp() and l.expires_at < 'infinity'
       and ledger.free_of_lot(l.op) > 0
     order by l.expires_at limit 10
  loop
    select * into w from ledger.account a where a.owner = due.owner and a.cur = due.cur for no key update skip locked;
    continue when w.owner is null;      -- somebody else is at it, or it is being spent: next time
    rest := ledger.free_of_lot(due.op);
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
