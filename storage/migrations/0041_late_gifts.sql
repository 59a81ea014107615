-- A success that comes after the house has ended the job: looked for, kept, and given free.
--
-- A job that ends without success may leave calls behind whose task goes on at its provider, or whose answer was paid for
-- and never delivered. `late_at` says when such a call is looked at next; null: there is nothing to look for. Nobody holds a
-- lease on it: whoever claims a call moves `late_at` on, so that a process that dies over it costs time and nothing else.
alter table work.provider_call
  add column late_at timestamptz,
  add column late_tries smallint not null default 0;
create index provider_call_late on work.provider_call (late_at) where late_at is not null;

-- One row for each job whose late result was given: the fence against giving it twice.
create table work.gift (
  job_id uuid primary key,
  project text,
  at timestamptz not null default clock_timestamp()
);
grant select on work.gift to leyden_app;

-- As before, and the calls that may still bring something are marked. A user's own cancel is no end by the house.
create or replace function work.close(p_job uuid[], p_state work.state[], p_code text[]) returns setof work.wake
language plpgsql as $$
declare
  ended work.ended[];
  held uuid[];
  users bigint[];
  lanes int[];
  active int[];
  waiting int[];
  promised bigint[];
  apps smallint[];
  days date[];
begin
  with asked as (
    select o.id, o.state as was, o.due_at as was_due, i.state, i.code
      from unnest(p_job, p_state, p_code) i(id, state, code)
      join work.job o on o.id = i.id
     where o.state <= 'remote'),
  done as (
    update work.job j
       set state = a.state, code = a.code, due_at = null, finished_at = clock_timestamp(),
           lease_until = null, lease_token = null, intent_at = null
      from asked a where j.id = a.id
    returning j.id, j.user_id, j.stream, j.price, j.attempt, j.app, j.day, j.kind, j.reply, j.state, j.code,
              j.finished_at, a.was, a.was_due),
  calls as (
    update work.provider_call c
       set outcome = coalesce(c.outcome, 'abandoned'), ended_at = coalesce(c.ended_at, clock_timestamp()),
           late_at = case when d.state <> 'cancelled'
                               and (c.external_ref is not null or c.claimed_refs <> '{}' or c.outcome = 'ok')
                          then clock_timestamp() + interval '30 s' end
      from done d
     where c.job_id = d.id and d.attempt > 0 and (c.outcome is null or c.outcome in ('ok', 'unknown')))
  select array_agg((d.id, d.user_id, d.app, d.stream, d.kind, d.reply, d.price, 0, d.state, d.code,
                    d.finished_at)::work.ended),
         array_agg(d.id) filter (where d.price > 0 and d.attempt > 0), array_agg(d.user_id),
         array_agg(work.lane_of(d.stream)), array_agg((d.was <> 'waiting')::int), array_agg((d.was = 'waiting')::int),
         array_agg(case when d.was <> 'waiting' or d.was_due = 'infinity' then d.price else 0 end),
         array_agg(d.app), array_agg(d.day)
    into ended, held, users, lanes, active, waiting, promised, apps, days
    from done d;
  if ended is null then
    return;
  end if;
  if held is not null then
    perform ledger.release_jobs(held);
  end if;
  perform work.record_ends(ended, null, null, null, null, null);
  return query select * from work.leave(users, lanes, active, waiting, promised, apps, days);
end
$$;

-- Whether what this job bought may still be given: the house ended it, lately, and nothing was given yet. The caller holds
-- the row.
create function work.may_give(x work.job) returns boolean
language sql stable as $$
  select (x).state in ('failed', 'dead') and (x).finished_at > clock_timestamp() - interval '1 day'
         and not exists (select 1 from work.gift g where g.job_id = (x).id);
$$;

-- As before; an id that comes home after the end is looked at too.
create or replace function work.note_task(p_call uuid, p_job uuid, p_attempt int, p_ref text) returns text
language plpgsql security definer as $$
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  begin
    update work.provider_call c
       set external_ref = coalesce(c.external_ref, p_ref),
           late_at = case when work.may_give(x) then coalesce(c.late_at, clock_timestamp()) end
     where c.id = p_call and c.job_id = p_job;
  exception when unique_violation then
    return 'taken';
  end;
  if x.state <= 'remote' then
    update work.job j set remote_ref = p_ref where j.id = p_job;
  end if;
  return case when x.attempt = p_attempt and x.state = 'running' then 'ok' else 'lost' end;
end
$$;

-- As before; for an ended job a callback is a reason to look for its late result now.
create or replace function work.hear_call(p_call uuid, p_ref text, out code text, out wakes work.wake[])
language plpgsql security definer as $$
declare
  x work.job;
begin
  select j.* into x from work.job j
    join work.provider_call c on c.job_id = j.id where c.id = p_call for no key update of j;
  if x.id is null then
    code := 'missing';
    return;
  end if;
  update work.provider_call c
     set heard_at = clock_timestamp(),
         claimed_refs = case when c.external_ref is null and p_ref <> all (c.claimed_refs)
                                  and cardinality(c.claimed_refs) < 8
                             then c.claimed_refs || p_ref else c.claimed_refs end,
         late_at = case when work.may_give(x) and c.outcome in ('abandoned', 'unknown')
                             and (c.external_ref is not null or p_ref is not null)
                        then clock_timestamp() else c.late_at end
   where c.id = p_call;
  code := case when x.state > 'remote' then 'ended' else 'heard' end;
  wakes := work.poll_now(x);
end
$$;

-- The call that has been due for longest, for one look. Dies in it: looked at again in p_lease_s, if tries are left. The
-- last look is the one of the last try, or the first one after a day.
create function work.claim_late(p_lease_s float8, p_tries_max int)
returns table (id uuid, provider text, model text, external_ref text, outcome text, sold boolean, addressed boolean,
               claimed_refs text[], heard_at timestamptz, tries smallint, job_id uuid, user_id bigint, app smallint,
               payload bytea, save boolean)
language sql security definer as $$
  with due as (
    select c.id from work.provider_call c where c.late_at <= clock_timestamp()
     order by c.late_at limit 1 for no key update skip locked)
  update work.provider_call c
     set late_tries = c.late_tries + 1,
         late_at = case when c.late_tries + 1 < p_tries_max and work.may_give(j)
                        then clock_timestamp() + make_interval(secs => p_lease_s) end
    from due, work.job j where c.id = due.id and j.id = c.job_id
  returning c.id, c.provider, c.model, c.external_ref, c.outcome, c.sold, c.addressed, c.claimed_refs, c.heard_at,
            c.late_tries, j.id, j.user_id, j.app, j.payload, j.save;
$$;

-- Nothing yet: another look in p_delay_s, unless that one was the last. A shorter wait that a callback has asked for stays.
create function work.postpone_late(p_call uuid, p_delay_s float8) returns void
language sql security definer as $$
  update work.provider_call c set late_at = clock_timestamp() + make_interval(secs => p_delay_s)
   where c.id = p_call and c.late_at > clock_timestamp();
$$;

-- What the provider says about a call whose job had ended when nobody knew.
create function work.close_late(p_call uuid, p_outcome text, p_cost_usd_micros bigint, p_sold boolean) returns void
language sql security definer as $$
  update work.provider_call c
     set outcome = case when c.outcome in ('abandoned', 'unknown') then p_outcome else c.outcome end,
         cost_usd_micros = coalesce(p_cost_usd_micros, c.cost_usd_micros), sold = c.sold or p_sold
   where c.id = p_call;
$$;

-- There is nothing to look for any more.
create function work.drop_late(p_call uuid) returns void
language sql security definer as $$
  update work.provider_call c set late_at = null where c.id = p_call;
$$;

-- Result, project and the word to the user are one commit, once for each job; nothing is captured. `given`: it was before.
-- p_call null: free work of our own that took too long.
create function work.give_late(
  p_job uuid, p_call uuid, p_result bytea, p_key_version smallint, p_type text, p_title bytea, p_content bytea,
  p_metadata bytea, p_sha256 bytea, p_size bigint, out code text, out project text, out user_id bigint)
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  user_id := x.user_id;
  update work.provider_call c set late_at = null where c.job_id = p_job and c.late_at is not null;
  if x.id is null or x.state not in ('failed', 'dead') then
    code := 'refused';
    return;
  elsif exists (select 1 from work.member m where m.user_id = x.user_id and m.closed = 'closed') then
    code := 'closed';
    return;
  end if;
  update work.provider_call c set outcome = 'late', sold = true where c.id = p_call;
  insert into work.gift (job_id) values (p_job) on conflict do nothing;
  if not found then
    code := 'given';
    select g.project into project from work.gift g where g.job_id = p_job;
    return;
  end if;
  update work.job j set result = p_result, result_key_version = p_key_version where j.id = p_job;
  insert into work.delivery (job_id, target, state, due_at, ended_at)
  values (p_job, x.reply, case when x.reply = 'pull' then 'sent' else 'pending' end::work.delivery_state,
          case when x.reply <> 'pull' then clock_timestamp() end, case when x.reply = 'pull' then clock_timestamp() end);
  project := work.save_project(p_job, x.user_id, x.app, p_key_version, p_type, p_title, p_content, p_metadata,
                               p_sha256, p_size);
  update work.gift g set project = give_late.project where g.job_id = p_job;
  code := 'ok';
end
$$;

grant execute on function
  work.claim_late(float8, int), work.postpone_late(uuid, float8),
  work.close_late(uuid, text, bigint, boolean), work.drop_late(uuid),
  work.give_late(uuid, uuid, bytea, smallint, text, bytea, bytea, bytea, bytea, bigint)
  to leyden_app;
