-- The only code that moves a job, one call at a time. One call = one round trip = one transaction.
-- Every call answers a repetition (a lost reply) with what it answered first.

-- ---------------------------------------------------------------------------------------------------- submit
-- tx 0. Dies before commit: nothing was accepted, the caller still has the request. Dies after: the sweeper adds
-- the wake-up that was never sent.
create function work.submit(
  p_id uuid, p_user bigint, p_app smallint, p_kind text, p_version smallint, p_stream smallint, p_key text,
  p_hash uuid, p_payload bytea, p_key_version smallint, p_price bigint, p_price_version int, p_spend smallint[],
  p_reply text, p_limit int, p_limit_s int, p_max_tries smallint, p_trace text, p_save boolean,
  p_run_at timestamptz, p_replay_of uuid,
  out code text, out job uuid, out st work.state, out price bigint, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  today date := (moment at time zone 'UTC')::date;
  due boolean := p_run_at is null or p_run_at <= moment;
  lane int := work.lane_of(p_stream);
  m work.member;
  known work.job;
  straight boolean;
  owed bigint;
begin
  loop
    update work.member w
       set direct = due and w.active[lane] < w.caps[lane],
           active[lane] = w.active[lane] + (due and w.active[lane] < w.caps[lane])::int,
           waiting[lane] = w.waiting[lane] + (not (due and w.active[lane] < w.caps[lane]))::int,
           promised = w.promised + case when due then p_price else 0 end,
           used[p_app] = w.used[p_app] + 1
     where w.user_id = p_user and w.day = today and w.closed is null
       and (p_limit < 0 or w.used[p_app] < p_limit)
       and ((due and w.active[lane] < w.caps[lane])
            or w.waiting[1] + w.waiting[2] + w.waiting[3] + w.waiting[4] + w.waiting[5] < w.waiting_max)
    returning w.direct, w.promised into straight, owed;
    exit when found;
    update work.member w set day = today, used = '{0,0,0,0}' where w.user_id = p_user and w.day < today;
    continue when found;
    select * into m from work.member w where w.user_id = p_user;
    code := case
      when m.user_id is null then 'no_account'
      when m.closed is not null then m.closed
      when m.waiting[1] + m.waiting[2] + m.waiting[3] + m.waiting[4] + m.waiting[5] >= m.waiting_max
           and not (due and m.active[lane] < m.caps[lane]) then 'backlog_full'
      when p_limit >= 0 and m.used[p_app] >= p_limit then 'daily_limit' end;
    exit when code is not null;
    -- A twin has just turned the day over or made room: nothing refuses us any more, look again.
  end loop;
  if code is null then
    -- A courtesy, never a false refusal: all that may be spent here against all that is promised. Which wallet
    -- pays is decided at `start`.
    if due and p_price > 0 and owed > ledger.spendable(p_user, p_spend) then
      code := 'insufficient';
    else
      insert into work.job (id, user_id, state, app, stream, slot, version, max_tries, save, due_at, run_at, limit_s,
                            price, price_version, day, spend, kind, key, body_hash, reply, trace, replay_of,
                            created_at, key_version, payload)
      select p_id, p_user, case when straight then 'queued' else 'waiting' end::work.state, p_app, p_stream,
             case when straight then p_stream else 0 end, p_version, p_max_tries, p_save,
             case when straight then moment when due then 'infinity' else p_run_at end, coalesce(p_run_at, moment),
             p_limit_s, p_price, p_price_version, today, p_spend, p_kind, p_key, p_hash, p_reply, p_trace,
             p_replay_of, moment, p_key_version, p_payload
       -- The look comes first: ON CONFLICT alone would wait for whoever is just ending that very job, who in turn
       -- waits for our member row. Rows of a key are only made under the member's lock, so the look is enough.
       where not exists (select from work.job j where j.user_id = p_user and j.key = p_key)
      on conflict do nothing;
      if found then
        code := 'ok';
        job := p_id;
        st := case when straight then 'queued' else 'waiting' end;
        price := p_price;
        if straight then
          wakes := array[(p_id, p_stream, p_kind, p_trace)::work.wake];
        end if;
        return;
      end if;
    end if;
    update work.member w  -- the rare path back, in the same transaction
       set active[lane] = w.active[lane] - straight::int, waiting[lane] = w.waiting[lane] - (not straight)::int,
           promised = w.promised - case when due then p_price else 0 end, used[p_app] = w.used[p_app] - 1
     where w.user_id = p_user;
  end if;
  -- Before any refusal: a known key is always answered.
  select * into known from work.job j where j.user_id = p_user and j.key = p_key;
  if found then
    code := case when known.body_hash = p_hash then 'replay' else 'key_conflict' end;
    job := known.id;
    st := known.state;
    price := known.price;
  elsif code is null then
    code := 'key_conflict';  -- the id belongs to a job under another key
  end if;
end
$$;

-- ----------------------------------------------------------------------------------------------------- start
-- Everything but the plain case, for a row that the caller has locked: repeated calls, lost leases, suspects.
-- Writes only the job row, so it may stand anywhere in a set of starts.
create function work.start_otherwise(
  p_job uuid, p_token uuid, p_worker text, p_lease_s float8, p_kinds text[], p_alone boolean,
  out code text, out x work.job, out next_wake work.wake, out taken_over boolean)
language plpgsql as $$
declare
  moment timestamptz := clock_timestamp();
  lost smallint;
  solo smallint;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  if x.id is null then
    code := 'missing';
  elsif x.state > 'remote' then
    code := 'ended';
  elsif x.state = 'running' and x.lease_token = p_token then
    code := 'ok';  -- our own start, answered before: the reply was lost
  elsif x.state = 'running' and x.lease_until > moment then
    code := 'leased';
  elsif x.state = 'waiting' or x.slot = 0 then
    code := 'not_due';
  elsif x.deadline <= moment and not x.last_look then
    code := 'overdue';  -- the sweeper ends it
  elsif x.kind || ':' || x.version <> all (p_kinds) then
    code := 'unknown_kind';
    if x.state = 'queued' then  -- asked again in half a minute: a newer worker may have come
      update work.job j set slot = 0, due_at = moment + interval '30 s' where j.id = p_job;
    end if;
  elsif x.suspect and not p_alone then
    code := 'suspect';
    next_wake := (x.id, x.stream, x.kind, x.trace);
  elsif x.state = 'running' then
    -- The lease has ended: its process died, froze or lost the database. A first crash is simply taken over.
    -- After the second in 72 hours the job is a suspect and runs alone, so that it takes nobody with it.
    taken_over := true;
    lost := case when x.crashed_at > moment - interval '72 h' then x.crashes + 1 else 1 end;
    if lost >= 2 and not p_alone then
      code := 'suspect';
      solo := work.lane_of(x.stream) * 4;
      next_wake := (x.id, solo, x.kind, x.trace);
      update work.job j
         set state = 'queued', stream = solo, slot = solo, due_at = moment, suspect = true, crashes = lost,
             crashed_at = moment, tries = j.tries + 1, lease_until = null, lease_token = null
       where j.id = p_job returning * into x;
    else
      code := 'ok';
      update work.job j
         set attempt = j.attempt + 1, tries = j.tries + 1, crashes = lost, crashed_at = moment, alone = p_alone,
             lease_until = moment + make_interval(secs => p_lease_s), lease_token = p_token, worker = p_worker
       where j.id = p_job returning * into x;
    end if;
  else
    code := 'leased';
  end if;
end
$$;

-- tx 1. Dies before commit: nothing happened. Dies after: the lease ends by itself, the next start finds the hold.
create function work.start(
  p_job uuid, p_token uuid, p_worker text, p_lease_s float8, p_kinds text[], p_alone boolean,
  out code text, out job uuid, out attempt int, out tries int, out crashes smallint, out user_id bigint,
  out app smallint, out kind text, out version smallint, out payload bytea, out key_version smallint,
  out price bigint, out save boolean, out last_look boolean, out cancel_requested boolean, out remote_ref text,
  out intent_at timestamptz, out deadline timestamptz, out trace text, out run_at timestamptz,
  out taken_over boolean, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  x work.job;
  other record;
begin
  update work.job j
     set state = 'running', attempt = j.attempt + 1, worker = p_worker, alone = p_alone, lease_token = p_token,
         lease_until = moment + make_interval(secs => p_lease_s), started_at = coalesce(j.started_at, moment),
         deadline = coalesce(j.deadline, moment + make_interval(secs => j.limit_s))
   where j.id = p_job and j.state in ('queued', 'remote') and j.slot > 0 and j.run_at <= moment
     and (j.deadline is null or j.deadline > moment or j.last_look)
     and j.kind || ':' || j.version = any (p_kinds) and (p_alone or not j.suspect)
  returning * into x;
  if found then
    code := 'ok';
    -- The first attempt reserves the whole price; if it cannot, the job ends here, so a later attempt has its hold.
    if x.attempt = 1 and x.price > 0 then
      select h.code into code from ledger.hold_jobs(array[x.id], array[x.user_id], array[x.app], array[x.price],
                                                    array[x.spend::text]) h;
      if code <> 'ok' then
        select array_agg(c::work.wake) into wakes
          from work.close(array[x.id], array['failed']::work.state[], array[code]) c;
      end if;
    end if;
  else
    select * into other from work.start_otherwise(p_job, p_token, p_worker, p_lease_s, p_kinds, p_alone);
    code := other.code;
    taken_over := other.taken_over;
    x := other.x;
    if (other.next_wake).job is not null then
      wakes := array[other.next_wake];
    end if;
  end if;
  job := p_job;
  attempt := x.attempt;
  tries := x.tries;
  crashes := x.crashes;
  user_id := x.user_id;
  app := x.app;
  kind := x.kind;
  version := x.version;
  payload := x.payload;
  key_version := x.key_version;
  price := x.price;
  save := x.save;
  last_look := x.last_look;
  cancel_requested := x.cancel_requested_at is not null;
  remote_ref := x.remote_ref;
  intent_at := x.intent_at;
  deadline := x.deadline;
  trace := x.trace;
  run_at := x.run_at;
end
$$;

-- --------------------------------------------------------------------------------------------------- succeed
-- Why an end by this attempt did not happen now: it happened before (same answer), the house was faster, or the
-- job is no longer this attempt's.
create function work.verdict(x work.job, p_attempt int, p_state work.state) returns text
language sql immutable as $$
  select case when (x).id is null then 'missing'
              when (x).attempt <> p_attempt then 'zombie'
              when (x).state = p_state then 'ok'
              when (x).state = 'failed' and (x).code = 'overdue' then 'late'
              else 'zombie' end
$$;

-- tx 2. Result, capture, usage, project, delivery and the next job are one commit. Dies before it: the lease ends,
-- the next attempt finds what was stored. Dies after it: whoever asks again sees an ended job.
create function work.succeed(
  p_job uuid, p_attempt int, p_result bytea, p_key_version smallint, p_captured bigint, p_type text, p_title bytea,
  p_content bytea, p_metadata bytea, p_sha256 bytea, p_size bigint, p_model text, p_provider text, p_tokens int,
  p_units int, out code text, out job uuid, out project text, out captured bigint, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
  taken record;
  m record;
  lane int;
begin
  job := p_job;
  update work.job j
     set state = 'succeeded', result = p_result, result_key_version = p_key_version, due_at = null,
         finished_at = clock_timestamp(), lease_until = null, lease_token = null, intent_at = null,
         captured = case when exists (select 1 from work.member w where w.user_id = j.user_id and w.closed = 'closed')
                         then 0 else least(p_captured, j.price) end  -- an erased person pays nothing
   where j.id = p_job and j.attempt = p_attempt and j.state = 'running'
  returning * into x;
  if not found then
    select * into x from work.job j where j.id = p_job;
    code := work.verdict(x, p_attempt, 'succeeded');
    captured := x.captured;
    select p.code into project from app.project p where p.job_id = p_job;
    if code = 'late' then  -- the house ended it: the result is kept and given free
      update work.job j set result = p_result, result_key_version = p_key_version
       where j.id = p_job and j.attempt = p_attempt and j.state = 'failed' and j.result is null;
    end if;
    return;
  end if;
  if x.price > 0 then
    select * into taken from ledger.capture_jobs(array[p_job], array[x.captured]);
    if taken.code is distinct from 'ok' then
      raise exception 'a priced job without its open hold: %', taken.code using errcode = 'LG005';
    end if;
  end if;
  perform work.record_ends(
    array[(x.id, x.user_id, x.app, x.stream, x.kind, x.reply, x.price, x.captured, x.state, null, x.finished_at)::work.ended],
    array[p_job], array[p_model], array[p_provider], array[p_tokens], array[p_units]);
  lane := work.lane_of(x.stream);
  update work.member w set active[lane] = w.active[lane] - 1, promised = w.promised - x.price
   where w.user_id = x.user_id returning w.caps[lane] - w.active[lane] as free, w.waiting[lane] as waiting into m;
  if m.free > 0 and m.waiting > 0 then
    select array_agg(p::work.wake) into wakes from work.promote(array[x.user_id], array[lane], array[m.free]) p;
  end if;
  project := work.save_project(p_job, x.user_id, x.app, p_key_version, p_type, p_title, p_content, p_metadata,
                               p_sha256, p_size);
  code := 'ok';
  captured := x.captured;
end
$$;

-- ------------------------------------------------------------------------------- fail, cancel, retry, park, bury
create function work.fail(p_job uuid, p_attempt int, p_code text, out code text, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  if x.id is null or x.attempt <> p_attempt or x.state <> 'running' then
    code := work.verdict(x, p_attempt, 'failed');
    return;
  end if;
  code := 'ok';
  select array_agg(c::work.wake) into wakes
    from work.close(array[p_job], array['failed']::work.state[], array[p_code]) c;
end
$$;

-- Free until something may have been bought: then only a request, which `renew` hands to the worker. Ending it here
-- would give paid work away.
create function work.cancel(p_job uuid, p_user bigint, out code text, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job and j.user_id = p_user for no key update;
  if x.id is null then
    code := 'missing';
  elsif x.state > 'remote' then
    code := case when x.state = 'cancelled' then 'cancelled' else 'too_late' end;
  elsif x.intent_at is null and x.remote_ref is null then
    code := 'cancelled';
    select array_agg(c::work.wake) into wakes
      from work.close(array[p_job], array['cancelled']::work.state[], array['by_user']) c;
  else
    code := 'requested';
    update work.job j set cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp()) where j.id = p_job;
  end if;
end
$$;

-- p_counted false: waiting for a limit, or handed back at shutdown. p_bought false closes the intent: nothing was
-- sold, so a wished cancel can happen now.
create function work.retry(p_job uuid, p_attempt int, p_delay_s float8, p_code text, p_counted boolean,
                           p_bought boolean, out code text, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
  moment timestamptz := clock_timestamp();
  again timestamptz := moment + make_interval(secs => p_delay_s);
  ending work.state;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  if x.id is null or x.attempt <> p_attempt or x.state <> 'running' then
    code := case when x.attempt = p_attempt and x.state = 'queued' then 'ok'
                 else work.verdict(x, p_attempt, 'failed') end;
    return;
  end if;
  ending := case when x.cancel_requested_at is not null and not p_bought then 'cancelled'
                 when (p_counted and x.tries + 1 >= x.max_tries) or again >= x.deadline then 'failed' end;
  if ending is not null then
    code := ending;
    select array_agg(c::work.wake) into wakes
      from work.close(array[p_job], array[ending],
                      array[case when ending = 'cancelled' then 'by_user' else p_code end]) c;
    return;
  end if;
  -- `queued` on a timer keeps its place under the cap: newer jobs cannot overtake it for ever.
  code := 'ok';
  update work.job j
     set state = 'queued', tries = j.tries + p_counted::int, run_at = again, lease_until = null, lease_token = null,
         slot = case when again <= moment then j.stream else 0 end, due_at = greatest(again, moment),
         intent_at = case when p_bought then j.intent_at end
   where j.id = p_job;
  if not p_bought then
    update work.provider_call c set outcome = p_code, ended_at = moment where c.job_id = p_job and c.outcome is null;
  end if;
  if again <= moment then
    wakes := array[(x.id, x.stream, x.kind, x.trace)::work.wake];
  end if;
end
$$;

create function work.park(p_job uuid, p_attempt int, p_delay_s float8, p_ref text, p_extend_s float8,
                          out code text, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
  moment timestamptz := clock_timestamp();
  late timestamptz;
begin
  update work.job j
     set state = 'remote', slot = 0, run_at = moment + make_interval(secs => p_delay_s),
         deadline = greatest(j.deadline, moment + make_interval(secs => p_extend_s)),
         due_at = least(moment + make_interval(secs => p_delay_s),
                        greatest(j.deadline, moment + make_interval(secs => p_extend_s))),
         remote_ref = coalesce(p_ref, j.remote_ref), lease_until = null, lease_token = null, last_look = false
   where j.id = p_job and j.attempt = p_attempt and j.state = 'running' and not j.last_look
  returning * into x;
  if found then
    code := 'ok';
    return;
  end if;
  select * into x from work.job j where j.id = p_job;
  code := case when x.attempt = p_attempt and x.state = 'remote' then 'ok'
               when x.attempt = p_attempt and x.state = 'running' then 'overdue'  -- that was the last look
               else work.verdict(x, p_attempt, 'failed') end;
end
$$;

-- The living parent saw a process die while it ran this job alone. The third death ends it.
create function work.bury(p_job uuid, p_attempt int, p_deaths_max int, out code text, out wakes work.wake[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  if x.id is null or x.attempt <> p_attempt or x.state <> 'running' or not x.alone then
    code := work.verdict(x, p_attempt, 'dead');
    return;
  end if;
  if x.deaths + 1 >= p_deaths_max then
    code := 'dead';
    update work.job j set deaths = j.deaths + 1, tries = j.tries + 1 where j.id = p_job;
    select array_agg(c::work.wake) into wakes
      from work.close(array[p_job], array['dead']::work.state[], array['poison']) c;
    return;
  end if;
  code := 'ok';
  update work.job j
     set state = 'queued', slot = j.stream, due_at = clock_timestamp(), deaths = j.deaths + 1, tries = j.tries + 1,
         lease_until = null, lease_token = null
   where j.id = p_job;
  wakes := array[(x.id, x.stream, x.kind, x.trace)::work.wake];
end
$$;

-- One call a process for all jobs in hand. SKIP LOCKED: a job that is just being closed needs no renewal and must not
-- make the others wait. A lost renewal costs one re-run at worst, so it need not wait for the disk.
create function work.renew(p_job uuid[], p_attempt int[], p_lease_s float8)
returns table (job uuid, verdict text) language plpgsql security definer as $$
#variable_conflict use_column
begin
  set local synchronous_commit = off;
  with mine as (
    select j.id from work.job j join unnest(p_job, p_attempt) i(id, attempt) on j.id = i.id
     where j.attempt = i.attempt and j.state = 'running'
     order by j.id for no key update of j skip locked)
  update work.job j set lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
    from mine where j.id = mine.id;
  return query
    select i.id, case when j.attempt = i.attempt and j.state = 'running' then 'cancel' else 'lost' end
      from unnest(p_job, p_attempt) i(id, attempt) left join work.job j on j.id = i.id
     where j.attempt is distinct from i.attempt or j.state <> 'running' or j.cancel_requested_at is not null;
end
$$;

-- --------------------------------------------------------------------------------------- the provider journal
-- Committed before a paid request leaves. Dies after it: the next attempt finds an intent without an outcome and looks
-- before it buys again.
create function work.intend(p_call uuid, p_job uuid, p_attempt int, p_provider text, p_model text) returns boolean
language plpgsql security definer as $$
begin
  update work.job j set intent_at = coalesce(j.intent_at, clock_timestamp())
   where j.id = p_job and j.attempt = p_attempt and j.state = 'running' and j.cancel_requested_at is null;
  if not found then
    return false;
  end if;
  insert into work.provider_call (id, job_id, attempt, provider, model)
  values (p_call, p_job, p_attempt, p_provider, p_model) on conflict do nothing;
  return true;
end
$$;

-- The remote id is committed before anything else is done with the answer.
create function work.bought(p_call uuid, p_job uuid, p_attempt int, p_ref text) returns boolean
language plpgsql security definer as $$
begin
  update work.job j set remote_ref = p_ref
   where j.id = p_job and j.attempt = p_attempt and j.state = 'running';
  if not found then
    return false;
  end if;
  update work.provider_call c set external_ref = p_ref where c.id = p_call;
  return true;
end
$$;

-- p_sold false: the provider sold nothing, the intent is closed and a cancel is free again.
create function work.settle_call(p_call uuid, p_job uuid, p_attempt int, p_outcome text, p_cost_usd_micros bigint,
                                 p_sold boolean) returns boolean
language plpgsql security definer as $$
begin
  update work.job j set intent_at = case when p_sold then j.intent_at end
   where j.id = p_job and j.attempt = p_attempt and j.state = 'running';
  if not found then
    return false;
  end if;
  update work.provider_call c set outcome = p_outcome, cost_usd_micros = p_cost_usd_micros, ended_at = clock_timestamp()
   where c.id = p_call and c.outcome is null;
  return true;
end
$$;
