-- Jobs. Postgres is the truth: a stream entry in Redis is only a wake-up for a row of this table.

create type work.state as enum
  ('waiting', 'queued', 'running', 'remote', 'succeeded', 'failed', 'cancelled', 'dead');

-- What Redis is told after a commit.
create type work.wake as (job uuid, stream smallint, kind text, trace text);

-- One row a person: everything `submit` must decide under one lock, in one HOT update.
-- Arrays are by lane (1 text, 2 image, 3 video, 4 post, 5 control) and by app (1..4).
create table work.member (
  user_id bigint primary key,
  caps smallint[] not null check (array_length(caps, 1) = 5 and 0 < all (caps)),
  waiting_max int not null check (waiting_max >= 0),
  closed text check (closed in ('suspended', 'closed')),        -- refuses new jobs; `closed` is an erased person
  active int[] not null default '{0,0,0,0,0}' check (0 <= all (active)),     -- queued + running + remote
  waiting int[] not null default '{0,0,0,0,0}' check (0 <= all (waiting)),
  promised bigint not null default 0 check (promised >= 0),     -- quotes of all unfinished jobs that are due
  direct boolean not null default true,                         -- did the last submit go straight in
  day date not null default '2000-01-01',
  used int[] not null default '{0,0,0,0}' check (0 <= all (used))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- One partial index, (slot, due_at), holds every unfinished job; `start` and `renew` touch none of its columns,
-- so both stay HOT updates.
--   slot 0    a timer. waiting: due_at is run_at, or infinity once it is due and only the cap holds it back;
--             queued: a delayed retry; remote: the next poll.
--   slot n>0  told to stream n. due_at is the moment of the last XADD (`added_at`): the sweeper compares it with
--             what Redis has delivered. A running job keeps its slot and is watched by lease_until, not indexed.
-- Ended jobs have due_at null and leave the index.
create table work.job (
  id uuid primary key,
  user_id bigint not null,
  state work.state not null,
  app smallint not null check (app between 1 and 4),
  stream smallint not null check (stream between 1 and 20),
  slot smallint not null,
  version smallint not null,
  attempt int not null default 0,            -- the fence: +1 at every start, polls too; limits nothing
  tries int not null default 0,              -- +1 at a retryable error or a lost lease; limits and back-off use it
  max_tries smallint not null,
  crashes smallint not null default 0,       -- leases lost in the last 72 hours
  deaths smallint not null default 0,        -- processes it took down while it ran alone
  suspect boolean not null default false,
  alone boolean not null default false,
  last_look boolean not null default false,
  save boolean not null default true,
  due_at timestamptz,
  run_at timestamptz not null,               -- the only clock of a job: schedule, retry, next poll
  limit_s int not null check (limit_s > 0),
  deadline timestamptz,                      -- set at the first start: waiting costs none of it
  lease_until timestamptz,
  lease_token uuid,
  worker text,
  crashed_at timestamptz,
  intent_at timestamptz,                     -- something may have been bought and its outcome is not known yet
  remote_ref text,
  cancel_requested_at timestamptz,
  price bigint not null check (price between 0 and 1000000000000),
  captured bigint not null default 0 check (captured between 0 and price),
  price_version int not null,
  day date not null,                         -- the day its request was counted on
  spend smallint[] not null,
  kind text not null,
  key text not null,
  body_hash uuid not null,
  reply text not null,
  trace text not null,
  code text,
  replay_of uuid,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  key_version smallint not null,
  payload bytea,                             -- null once retention has taken it
  result bytea,
  result_key_version smallint,
  unique (user_id, key),
  check ((due_at is null) = (state > 'remote')),
  check ((finished_at is null) = (state <= 'remote')),
  check (state = 'succeeded' or captured = 0)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index job_due on work.job (slot, due_at) where due_at is not null;
create index job_waiting on work.job (user_id, stream, id) where slot = 0;

-- The provider journal. `intended` is committed before a paid request leaves; `external_ref` before anything
-- else is done with the answer. Free calls have no row.
create table work.provider_call (
  id uuid primary key,
  job_id uuid not null,
  attempt int not null,
  provider text not null,
  model text not null,
  intent_at timestamptz not null default clock_timestamp(),
  external_ref text,
  outcome text,                              -- null while open
  cost_usd_micros bigint,
  ended_at timestamptz
);
create index provider_call_job on work.provider_call (job_id);
create unique index provider_call_ref on work.provider_call (provider, external_ref)
  where external_ref is not null;

create type work.delivery_state as enum ('pending', 'sending', 'sent', 'uncertain', 'undeliverable');

-- "Generated" and "delivered" are separate facts. A client that asks (`pull`) is told by the commit itself.
create table work.delivery (
  id bigint generated always as identity primary key,
  job_id uuid not null,
  target text not null,
  state work.delivery_state not null,
  message_ref text,
  due_at timestamptz,                        -- null once it has ended
  tries int not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);
create index delivery_job on work.delivery (job_id);
create index delivery_due on work.delivery (due_at) where due_at is not null;

-- What each job used: for people's statements and for the house's margin. Never a prompt.
create table work.usage (
  job_id uuid not null,
  user_id bigint not null,
  app smallint not null,
  kind text not null,
  model text not null,
  provider text not null,
  tokens int not null,
  units int not null,
  captured bigint not null,
  success boolean not null,
  code text,
  at timestamptz not null
) partition by range (at);
create index usage_user on work.usage (user_id, at);
create table work.usage_other partition of work.usage default;

-- Months are made ahead by migrations and housekeeping; a forgotten month lands in the default partition.
create function work.make_usage_months(p_from date, p_months int) returns int
language plpgsql security definer as $$
declare
  month date;
  made int := 0;
begin
  for n in 0 .. p_months - 1 loop
    month := date_trunc('month', p_from)::date + make_interval(months => n);
    if to_regclass(format('work.usage_%s', to_char(month, 'YYYYMM'))) is null then
      execute format('create table work.usage_%s partition of work.usage for values from (%L) to (%L)',
                     to_char(month, 'YYYYMM'), month, (month + interval '1 month')::date);
      execute format('grant select on work.usage_%s to leyden_app', to_char(month, 'YYYYMM'));
      made := made + 1;
    end if;
  end loop;
  return made;
end
$$;
select work.make_usage_months(current_date, 4);

grant select on all tables in schema work to leyden_app;
grant execute on function work.make_usage_months(date, int) to leyden_app;
