-- A rate says why it was set, and an operator's command that is repeated sets it once.

alter table ledger.rate add column op uuid, add column note text;
create unique index rate_op on ledger.rate (op) where op is not null;

drop function ledger.set_rate(smallint, smallint, numeric, text);

-- Codes: ok, unknown_currency, bad_amount, rate_pump, key_conflict (another rate was set under this id). Setting the rate
-- that holds already writes nothing, and neither does an id that has set this rate before, whatever holds by now.
create function ledger.set_rate(
  p_src smallint, p_dst smallint, p_rate numeric, p_actor text, p_note text default null, p_op uuid default null
) returns text language plpgsql security definer as $$
declare
  known ledger.rate;
begin
  if p_src = p_dst or 2 <> (select count(*) from ledger.currency c where c.cur in (p_src, p_dst) and c.spendable) then
    return 'unknown_currency';
  elsif p_rate is null or p_rate <= 0 or p_rate >= 1000000 or p_rate <> round(p_rate, 4) then
    return 'bad_amount';
  end if;
  perform pg_advisory_xact_lock(7301, 1);     -- twins wait here, before they look; the guard takes the same lock
  select * into known from ledger.rate r where r.op = p_op;
  if known.id is not null then
    return case when (known.src, known.dst, known.rate) = (p_src, p_dst, p_rate) then 'ok' else 'key_conflict' end;
  elsif p_rate = ledger.newest_rate(p_src, p_dst) then
    return 'ok';
  end if;
  insert into ledger.rate (src, dst, rate, set_by, note, op) values (p_src, p_dst, p_rate, p_actor, p_note, p_op);
  return 'ok';
exception when sqlstate 'LG003' then
  return 'rate_pump';
end
$$;

grant execute on function ledger.set_rate to leyden_app;
