-- The money: six tables and what makes bad states impossible to write down.
--
-- A transfer row is the double entry: the user's side gets +amount, the house side named in `house` gets -amount.
-- One row holds both, so an unbalanced entry cannot exist; house balances are a sum over a dimension and never a
-- row that every job would have to lock.
--
-- No foreign keys here: a hold or a transfer is only written by a statement that has just updated its wallet, so they
-- would prove nothing and cost a lookup each. Amounts are minor units, bigint.

create type ledger.account_status as enum ('active', 'suspended', 'closed');
create type ledger.hold_state as enum ('open', 'captured', 'released', 'expired');
create type ledger.kind as enum (
  'capture', 'grant', 'bonus', 'purchase', 'stars_refund', 'refund', 'convert', 'lapse', 'adjust', 'migrate'
);
create type ledger.house as enum (
  'revenue', 'promo', 'telegram', 'liquidity', 'breakage', 'adjust', 'migration'
);

create table ledger.currency (
  cur smallint primary key,
  code text not null unique,
  scale smallint not null check (scale between 0 and 6),
  spendable boolean not null
);
-- Stars pass through: a row that is 0 between operations and pays for nothing.
insert into ledger.currency (cur, code, scale, spendable) values
  (1, 'CREDIT', 4, true), (2, 'BATV', 4, true), (3, 'BATT', 4, true), (4, 'XTR', 0, false);

-- One row a wallet. `held` and `bonus` are parts of `balance`, which is why an overdraft cannot be written.
-- Half-empty pages and no index on anything that changes: every update is HOT.
create table ledger.account (
  owner bigint not null,
  balance bigint not null default 0 check (balance between 0 and 1000000000000000),
  held bigint not null default 0,             -- sum of open holds
  bonus bigint not null default 0,            -- sum of what remains in lots
  bought bigint not null default 0,           -- what came from Stars and was not spent since: all that may go back
  drew bigint not null default 0,             -- what the last debit took from lots: RETURNING shows no old row before 18
  seq bigint not null default 0 check (seq >= 0),     -- number of transfers, gap-free
  cur smallint not null,
  status ledger.account_status not null default 'active',
  primary key (owner, cur),
  check (held between 0 and balance),
  check (bonus between 0 and balance),
  check (bought between 0 and balance)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);

-- A promise of money to one job (id = job id, no clock: it ends with its job) or to a partner app, which set a time.
-- `expires_at` is finite only while a partner's hold is open: the small index below then holds nothing else, and a job's
-- hold never changes it, so its capture and release stay HOT updates.
create table ledger.hold (
  id uuid primary key,
  owner bigint not null,
  amount bigint not null check (amount between 1 and 1000000000000),
  captured bigint not null default 0,
  refunded bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default 'infinity',
  resolved_at timestamptz,
  state ledger.hold_state not null default 'open',
  cur smallint not null,
  app smallint not null,
  partner boolean not null default false,
  check (captured between 0 and amount),
  check (refunded between 0 and captured),
  check ((state = 'captured') = (captured > 0)),
  check ((state = 'open') = (resolved_at is null))
) with (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05);
create index hold_expiry on ledger.hold (expires_at) where expires_at < 'infinity';
create index hold_created on ledger.hold using brin (created_at) with (pages_per_range = 32);

-- Append-only, for ever. (owner, cur, seq) is the wallet's own gap-free sequence and the history page's index in one;
-- (op, leg) makes every operation idempotent without a time limit.
create table ledger.transfer (
  owner bigint not null,
  seq bigint not null,
  amount bigint not null check (amount <> 0 and amount between -1000000000000 and 1000000000000),
  balance_after bigint not null check (balance_after >= 0),
  at timestamptz not null default clock_timestamp(),  -- written under the wallet's lock: grows with seq
  op uuid not null,
  ref uuid,
  kind ledger.kind not null,
  house ledger.house not null,
  cur smallint not null,
  leg smallint not null default 0,
  app smallint not null default 0,
  note text,
  actor text,
  primary key (owner, cur, seq),
  unique (op, leg),
  check (case kind
    when 'capture' then amount < 0 and house = 'revenue'
    when 'lapse' then amount < 0 and house = 'breakage'
    when 'grant' then amount > 0 and house = 'promo'
    when 'bonus' then amount > 0 and house = 'promo'
    when 'refund' then amount > 0 and house = 'revenue'
    when 'convert' then house = 'liquidity'
    when 'purchase' then house in ('telegram', 'liquidity', 'revenue')
    when 'stars_refund' then house in ('telegram', 'liquidity')
    when 'adjust' then house = 'adjust' and note is not null and actor is not null
    else amount > 0 and house = 'migration' end)
);
create index transfer_at on ledger.transfer using brin (at) with (pages_per_range = 32);

-- Bonus money only: what is left of each grant. A user without a lot pays nothing for this table.
create table ledger.lot (
  op uuid primary key,
  owner bigint not null,
  amount bigint not null check (amount > 0),
  remaining bigint not null check (remaining >= 0),
  expires_at timestamptz not null,
  cur smallint not null,
  check (remaining <= amount)
) with (fillfactor = 70);
create index lot_open on ledger.lot (owner, cur, expires_at, op) where remaining > 0;
create index lot_due on ledger.lot (expires_at) where remaining > 0 and expires_at < 'infinity';

-- Append-only: a change of rate is a new row, the newest row of a pair counts.
create table ledger.rate (
  id bigint generated always as identity primary key,
  rate numeric(10, 4) not null check (rate > 0),
  at timestamptz not null default clock_timestamp(),
  set_by text not null,
  src smallint not null,
  dst smallint not null,
  check (src <> dst)
);
create index rate_newest on ledger.rate (src, dst, id desc);

-- Not even the owner of the tables rewrites history: a repair is a new, compensating transfer.
-- Statement level: no cost on insert, and TRUNCATE is caught as well.
create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'LG002';
end
$$;
create trigger transfer_append_only before update or delete or truncate on ledger.transfer
  for each statement execute function ledger.refuse_change();
create trigger rate_append_only before update or delete or truncate on ledger.rate
  for each statement execute function ledger.refuse_change();

-- What every operation outside the hot path answers. `code` is stable API; nothing is written unless it is 'ok'.
create type ledger.result as (
  code text, op uuid, amount bigint, cur smallint, balance bigint, held bigint, replayed boolean
);

grant select on all tables in schema ledger to leyden_app;
