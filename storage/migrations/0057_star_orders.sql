-- What is behind an invoice, and every payment that was ever reported to us.
--
-- An invoice carries the id of an order and nothing else: what was offered at which price is read here and never from the
-- outside. A payment is one row for each different report: the same charge told five times in the same words is one row,
-- told once with another amount it is two, and the odd one is parked for a person to look at. Nothing is credited for it.

create type app.order_kind as enum ('package', 'plan');
create type app.payment_state as enum ('credited', 'parked', 'returned', 'settled');

create table app.star_order (
  id uuid primary key,
  user_id bigint not null references app.user_account,
  bot_id bigint not null,
  app smallint not null check (app between 1 and 4),
  kind app.order_kind not null,
  name text not null,                       -- of the package or the plan
  stars bigint not null check (stars between 1 and 100000),
  units bigint not null check (units >= 0),
  created_at timestamptz not null default clock_timestamp(),
  renewal_stopped_at timestamptz,           -- Telegram was told that this subscription is not to be renewed
  check ((kind = 'plan') = (units = 0))
);
create index star_order_user on app.star_order (user_id, id);

create table app.star_payment (
  id uuid primary key,                      -- derived from all that was reported
  charge_id text not null,
  bot_id bigint not null,
  payer text not null,                      -- the Telegram id; emptied when the person is erased
  user_id bigint,
  order_id uuid,
  stars bigint not null,
  currency text not null,
  payload text not null,
  recurring boolean not null,
  source text not null check (source in ('update', 'list')),
  state app.payment_state not null,
  reason text,
  at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  told_at timestamptz,                      -- the person has been thanked
  check (state <> 'parked' or reason is not null)
);
create index star_payment_charge on app.star_payment (charge_id);
create index star_payment_order on app.star_payment (order_id, at);
create index star_payment_open on app.star_payment (at) where state = 'parked';

-- How far the list of a bot's Star transactions has been read.
create table app.star_scan (
  bot_id bigint primary key,
  seen bigint not null default 0 check (seen >= 0)
);

create index star_order_age on app.star_order (created_at);

grant select, insert, update on app.star_order, app.star_payment, app.star_scan to leyden_app;
grant delete on app.star_order to leyden_app;
