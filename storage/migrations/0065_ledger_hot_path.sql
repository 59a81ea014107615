-- The same rules and the same answers for reserve, capture and release, at two thirds of their cost to the server.
--
-- PostgreSQL keeps a CHECK as text, and each statement that writes to a table reads the text of each of its checks into
-- an expression, plans it and compiles it, before it looks at a row. That was half of the work of a pair of reserve and
-- capture. A check that is one call costs the same however much it asks, and a session compiles the function once. So each
-- hot table has one check now. As before a null part lets a row pass: only the column's NOT NULL refuses null.

create function ledger.is_sound_account(balance bigint, held bigint, bonus bigint, bought bigint, seq bigint)
returns boolean language plpgsql immutable parallel safe as $$
begin
  return least(held, bonus, bought, seq) >= 0 and greatest(held, bonus, bought) <= balance
     and balance <= 1000000000000000;
end
$$;

create function ledger.is_sound_hold(
  amount bigint, captured bigint, refunded bigint, state ledger.hold_state, resolved_at timestamptz
) returns boolean language plpgsql immutable parallel safe as $$
begin
  return amount between 1 and 1000000000000 and captured <= amount and refunded between 0 and captured
     and (state = 'captured') = (captured > 0) and (state = 'open') = (resolved_at is null);
end
$$;

-- Captures are nearly all transfers: they are asked first, and the long list is not compiled for them.
create function ledger.is_sound_transfer(
  kind ledger.kind, house ledger.house, amount bigint, balance_after bigint, note text, actor text
) returns boolean language plpgsql immutable parallel safe as $$
begin
  if kind = 'capture' then
    return amount between -1000000000000 and -1 and house = 'revenue' and balance_after >= 0;
  end if;
  return amount <> 0 and amount between -1000000000000 and 1000000000000 and balance_after >= 0
     and case kind
           when 'lapse' then amount < 0 and house = 'breakage'
           when 'grant' then amount > 0 and house = 'promo'
           when 'bonus' then amount > 0 and house = 'promo'
           when 'refund' then amount > 0 and house = 'revenue'
           when 'convert' then house = 'liquidity'
           when 'purchase' then house in ('telegram', 'liquidity', 'revenue')
           when 'stars_refund' then house in ('telegram', 'liquidity')
           when 'adjust' then house = 'adjust' and note is not null and actor is not null
           else amount > 0 and house = 'migration' end;
end
$$;

alter table ledger.account
  drop constraint account_balance_check, drop constraint account_seq_check, drop constraint account_check,
  drop constraint account_check1, drop constraint account_check2,
  add constraint account_is_sound check (ledger.is_sound_account(balance, held, bonus, bought, seq));
alter table ledger.hold
  drop constraint hold_amount_check, drop constraint hold_check, drop constraint hold_check1,
  drop constraint hold_check2, drop constraint hold_check3,
  add constraint hold_is_sound check (ledger.is_sound_hold(amount, captured, refunded, state, resolved_at));
alter table ledger.transfer
  drop constraint transfer_amount_check, drop constraint transfer_balance_after_check, drop constraint transfer_check,
  add constraint transfer_is_sound check (
    ledger.is_sound_transfer(kind, house, amount, balance_after, note, actor));

-- The three single calls again. plpgsql compiles each expression anew in each transaction, and a returned row with all its
-- columns costs more than the few that are used: so few expressions on the way that succeeds, and scalars.

-- The whole price from the first wallet of the spend order that covers it. Each try is one guarded UPDATE: there is no
-- moment between looking and taking. A spend order that goes up is locked as a whole first, to keep the order of locks.
create or replace function ledger.hold_one(
  p_hold uuid, p_owner bigint, p_app smallint, p_amount bigint, p_spend smallint[], p_expires_at timestamptz,
  out code text, out cur smallint
) language plpgsql as $$
begin
  if cardinality(p_spend) > 1 or (p_amount between 1 and 1000000000000) is not true then
    if (p_amount between 1 and 1000000000000) is not true then
      code := 'bad_amount';
      return;
    elsif p_spend[1] < p_spend[2] or p_spend[2] < p_spend[3] then
      perform 1 from ledger.account a
       where a.owner = p_owner and a.cur = any (p_spend) order by a.owner, a.cur desc for no key update;
    end if;
  end if;
  foreach cur in array p_spend loop
    update ledger.account a set held = a.held + p_amount
     where a.owner = p_owner and a.cur = hold_one.cur and a.status = 'active' and a.balance - a.held >= p_amount;
    continue when not found;
    -- The look under the wallet's lock comes first: ON CONFLICT alone would wait for a capture of the same hold that
    -- is itself waiting for our wallet.
    insert into ledger.hold (id, owner, cur, amount, app, expires_at, partner)
      select p_hold, p_owner, hold_one.cur, p_amount, p_app, p_expires_at, p_expires_at < 'infinity'
       where not exists (select from ledger.hold h where h.id = p_hold)
      on conflict (id) do nothing
    returning 'ok' into code;
    if found then
      return;
    end if;
    -- A hold with this id exists: undo in the same transaction, then answer by what is stored.
    update ledger.account a set held = a.held - p_amount where a.owner = p_owner and a.cur = hold_one.cur;
    exit;
  end loop;
  select e.code, e.cur into code, cur
    from ledger.explain_refused_hold(p_hold, p_owner, p_app, p_amount, p_spend, p_expires_at < 'infinity') e;
end
$$;

-- Captures least(p_amount, hold) and frees the rest; 0 releases. The state guard is what makes a second capture, or one
-- after a release, write nothing.
create or replace function ledger.capture_one(p_hold uuid, p_amount bigint, out code text, out captured bigint)
language plpgsql as $$
declare
  payer bigint;
  paid_from smallint;
  via smallint;
  promised bigint;
  nth bigint;
  rest bigint;
  drawn bigint;
begin
  update ledger.hold h
     set captured = least(p_amount, h.amount), resolved_at = clock_timestamp(), expires_at = 'infinity',
         state = case when p_amount > 0 then 'captured' else 'released' end::ledger.hold_state
   where h.id = p_hold and h.state = 'open' and p_amount >= 0
  returning 'ok', h.captured, h.owner, h.cur, h.app, h.amount into code, captured, payer, paid_from, via, promised;
  if not found then
    select case when coalesce(p_amount, -1) < 0 then 'bad_amount' else ledger.closed_hold_code(h.state) end, h.captured
      into code, captured
      from (select p_hold as id) q left join ledger.hold h using (id);
    return;
  end if;
  update ledger.account a
     set balance = a.balance - captured, held = a.held - promised, seq = a.seq + (captured > 0)::int,
         drew = least(a.bonus, captured), bonus = a.bonus - least(a.bonus, captured),
         bought = least(a.bought, a.balance - captured)
   where a.owner = payer and a.cur = paid_from
  returning a.seq, a.balance, a.drew into nth, rest, drawn;
  if captured = 0 or drawn > 0 then
    if captured = 0 then
      return;
    end if;
    perform ledger.draw_lots(payer, paid_from, drawn);
  end if;
  insert into ledger.transfer (owner, cur, seq, op, kind, house, app, amount, balance_after)
    values (payer, paid_from, nth, p_hold, 'capture', 'revenue', via, -captured, rest);
end
$$;

create or replace function ledger.release_one(p_hold uuid, p_to ledger.hold_state, out code text, out released bigint)
language plpgsql as $$
declare
  payer bigint;
  paid_from smallint;
begin
  update ledger.hold h set state = p_to, resolved_at = clock_timestamp(), expires_at = 'infinity'
   where h.id = p_hold and h.state = 'open'
  returning 'ok', h.amount, h.owner, h.cur into code, released, payer, paid_from;
  if not found then
    select ledger.closed_hold_code(h.state), 0 into code, released
      from (select p_hold as id) q left join ledger.hold h using (id);
    return;
  end if;
  update ledger.account a set held = a.held - released where a.owner = payer and a.cur = paid_from;
end
$$;

-- What a job's price version stands for, kept for as long as the ledger: the tariff, the rule and the models' list prices
-- as they were. The number holds a digest of the content, so the same list has the same number wherever it is loaded.
create table ledger.price_list (
  version int primary key,
  content jsonb not null,
  at timestamptz not null default clock_timestamp()
);
create trigger price_list_append_only before update or delete or truncate on ledger.price_list
  for each statement execute function ledger.refuse_change();

-- True when it was not known.
create function ledger.keep_price_list(p_version int, p_content jsonb) returns boolean
language plpgsql security definer as $$
begin
  if exists (select from ledger.price_list l where l.version = p_version) then
    return false;
  end if;
  insert into ledger.price_list (version, content) values (p_version, p_content) on conflict (version) do nothing;
  return found;
end
$$;

grant select on ledger.price_list to leyden_app;
grant execute on function ledger.keep_price_list to leyden_app;

-- As before, and it watches the new list as well.
create or replace function ledger.rights_too_wide(p_role name) returns table (what text) language sql stable as $$
  select format('%s may %s ledger.%s', p_role, lower(r), c.relname)
    from pg_class c, unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r
   where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p') and has_table_privilege(p_role, c.oid, r)
  union all
  select format('%s may call %s', p_role, p.oid::regprocedure)
    from pg_proc p
   where p.pronamespace = 'ledger'::regnamespace and not p.prosecdef and p.provolatile = 'v'
     and p.prorettype <> 'trigger'::regtype and has_function_privilege(p_role, p.oid, 'EXECUTE')
  union all
  select format('%s may create objects in schema %s', p_role, n.nspname)
    from pg_namespace n
   where n.nspname in ('ledger', 'work', 'app', 'public') and has_schema_privilege(p_role, n.oid, 'CREATE')
  union all
  select format('%s is a superuser', p_role) from pg_roles r where r.rolname = p_role and r.rolsuper
  union all
  select format('the append-only trigger %s is off', w.name)
    from unnest(array['transfer_append_only', 'rate_append_only', 'price_list_append_only']) w (name)
   where not exists (select from pg_trigger t join pg_class c on c.oid = t.tgrelid
                      where t.tgname = w.name and c.relnamespace = 'ledger'::regnamespace and t.tgenabled in ('O', 'A'))
$$;

