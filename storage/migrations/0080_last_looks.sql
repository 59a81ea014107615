-- The last look at what an overdue job has bought is measured from the moment it begins, not from the deadline: after an
-- outage every deadline is long past, and the sweep that followed a look ended it before it could answer.
--
-- `due_at` of a look is when it was told, and once it runs when it began. That moves the row within its index, for looks
-- alone; every other start stays a HOT update. A running look whose `due_at` is later than its lease was told and has not
-- begun: it may be taken over. Otherwise it lasts one lease, however often that is renewed, and is never taken over.

create or replace function work.start_otherwise(
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
  elsif x.deadline <= moment and (not x.last_look or (x.state = 'running' and x.due_at <= x.lease_until)) then
    code := 'overdue';  -- the sweeper ends it; a look that has begun and lost its lease was the last
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
             lease_until = moment + make_interval(secs => p_lease_s), lease_token = p_token, worker = p_worker,
             due_at = case when j.last_look then moment else j.due_at end
       where j.id = p_job returning * into x;
    end if;
  else
    code := 'leased';
  end if;
end
$$;

create or replace function work.start(
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
         deadline = coalesce(j.deadline, moment + make_interval(secs => j.limit_s)),
         due_at = case when j.last_look then moment else j.due_at end
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

create or replace function work.start_many(
  p_job uuid[], p_token uuid[], p_worker text, p_lease_s float8, p_kinds text[], p_alone boolean)
returns table (what text, code text, job uuid, attempt int, tries int, crashes smallint, user_id bigint, app smallint,
               kind text, version smallint, payload bytea, key_version smallint, price bigint, save boolean,
               last_look boolean, cancel_requested boolean, remote_ref text, intent_at timestamptz,
               deadline timestamptz, trace text, run_at timestamptz, taken_over boolean, next_stream smallint)
language plpgsql security definer as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  started work.job[];
  fresh work.job[];
  refused uuid[];
  reasons text[];
  other record;
  one record;
begin
  perform 1 from work.job j where j.id = any (p_job) order by j.id for no key update;
  with taken as (
    update work.job j
       set state = 'running', attempt = j.attempt + 1, worker = p_worker, alone = p_alone, lease_token = i.token,
           lease_until = moment + make_interval(secs => p_lease_s), started_at = coalesce(j.started_at, moment),
           deadline = coalesce(j.deadline, moment + make_interval(secs => j.limit_s)),
           due_at = case when j.last_look then moment else j.due_at end
      from unnest(p_job, p_token) i(id, token)
     where j.id = i.id and j.state in ('queued', 'remote') and j.slot > 0 and j.run_at <= moment
       and (j.deadline is null or j.deadline > moment or j.last_look)
       and j.kind || ':' || j.version = any (p_kinds) and (p_alone or not j.suspect)
    returning j)
  select array_agg(t.j), array_agg(t.j) filter (where (t.j).attempt = 1 and (t.j).price > 0)
    into started, fresh from taken t;
  if fresh is not null then
    select array_agg(h.job), array_agg(h.code) into refused, reasons
      from (select array_agg(f.id) ids, array_agg(f.user_id) users, array_agg(f.app) apps, array_agg(f.price) prices,
                   array_agg(f.spend::text) spends from unnest(fresh) f) a,
           ledger.hold_jobs(a.ids, a.users, a.apps, a.prices, a.spends) h
     where h.code <> 'ok';
  end if;
  return query
    select 'job', coalesce(r.code, 'ok'), s.id, s.attempt, s.tries, s.crashes, s.user_id, s.app, s.kind, s.version,
           s.payload, s.key_version, s.price, s.save, s.last_look, s.cancel_requested_at is not null, s.remote_ref,
           s.intent_at, s.deadline, s.trace, s.run_at, false, null::smallint
      from unnest(started) s left join unnest(refused, reasons) r(id, code) on r.id = s.id;
  -- Rows that did not start plainly write only their own, already locked, job row.
  for one in select i.id, i.token from unnest(p_job, p_token) i(id, token)
              where i.id not in (select s.id from unnest(started) s) order by i.id loop
    select * into other from work.start_otherwise(one.id, one.token, p_worker, p_lease_s, p_kinds, p_alone);
    return query
      select 'job', other.code, one.id, (other.x).attempt, (other.x).tries, (other.x).crashes, (other.x).user_id,
             (other.x).app, (other.x).kind, (other.x).version, (other.x).payload, (other.x).key_version,
             (other.x).price, (other.x).save, (other.x).last_look, (other.x).cancel_requested_at is not null,
             (other.x).remote_ref, (other.x).intent_at, (other.x).deadline, (other.x).trace, (other.x).run_at,
             other.taken_over, null::smallint;
    if (other.next_wake).job is not null then
      what := 'wake';
      job := (other.next_wake).job;
      next_stream := (other.next_wake).stream;
      kind := (other.next_wake).kind;
      trace := (other.next_wake).trace;
      return next;
    end if;
  end loop;
  if refused is not null then
    for one in select c.* from work.close(
                 refused, array_fill('failed'::work.state, array[cardinality(refused)]), reasons) c loop
      what := 'wake';
      job := one.job;
      next_stream := one.stream;
      kind := one.kind;
      trace := one.trace;
      return next;
    end loop;
  end if;
end
$$;

create or replace function work.sweep(p_limit int, p_stream smallint[], p_age_s float8[], p_lease_s float8, p_slack_s float8)
returns table (what text, job uuid, stream smallint, kind text, trace text)
language plpgsql security definer as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  lease interval := make_interval(secs => p_lease_s);
  slack interval := make_interval(secs => p_slack_s);
  x work.job;
  late uuid[] := '{}';
  users bigint[] := '{}';
  lanes int[] := '{}';
  prices bigint[] := '{}';
  n int;
begin
  if not pg_try_advisory_xact_lock(7301, 2) then
    what := 'busy';
    return next;
    return;
  end if;
  -- Timers.
  for x in select j.* from work.job j where j.slot = 0 and j.due_at <= moment
            order by j.due_at limit p_limit for no key update skip locked loop
    if x.state = 'waiting' then
      -- Its time has come: from now on only the cap holds it back, and its price is promised.
      update work.job j set due_at = 'infinity' where j.id = x.id;
      users := users || x.user_id;
      lanes := lanes || work.lane_of(x.stream);
      prices := prices || -x.price;
    elsif x.deadline <= moment and (x.last_look or (x.intent_at is null and x.remote_ref is null)) then
      late := late || x.id;
    else
      -- A poll or a delayed retry. An overdue job that may have bought something gets one last look at the provider.
      update work.job j
         set slot = j.stream, due_at = moment, run_at = least(j.run_at, moment),
             last_look = coalesce(j.deadline <= moment, false)
       where j.id = x.id;
      what := case when x.deadline <= moment then 'look' else 'due' end;
      job := x.id;
      stream := x.stream;
      kind := x.kind;
      trace := x.trace;
      return next;
    end if;
  end loop;
  -- Ended leases, jobs past their deadline, and last looks that have lasted a lease. A look that is told and not begun is
  -- left alone: it waits for a worker, as everything queued does. Every row taken here is moved or ended, so a full batch
  -- never hides the next one.
  for x in select j.* from work.job j
            where j.slot > 0 and j.due_at is not null
              and (case when j.state = 'running'
                        then (j.lease_until <= moment and j.due_at <= j.lease_until)
                             or (not j.last_look and j.deadline + lease <= moment)
                             or (j.last_look and j.lease_until > moment and j.due_at + lease <= moment)
                        else j.deadline <= moment and not j.last_look end)
            limit p_limit for no key update skip locked loop
    if x.last_look or x.deadline + lease <= moment or (x.state <> 'running' and x.deadline <= moment) then
      if (x.intent_at is not null or x.remote_ref is not null) and not x.last_look
         and (x.state <> 'running' or x.lease_until <= moment) then
        update work.job j set last_look = true, due_at = moment where j.id = x.id;
        what := 'look';
      else
        late := late || x.id;
        continue;
      end if;
    else
      update work.job j set due_at = moment where j.id = x.id;
      what := 'lease';
    end if;
    job := x.id;
    stream := x.stream;
    kind := x.kind;
    trace := x.trace;
    return next;
  end loop;
  -- Told once, delivered, and not started; or lost with its stream.
  return query
    with lost as (
      select j.id from unnest(p_stream, p_age_s) s(stream, age_s)
       cross join lateral (
         select o.id from work.job o
          where o.slot = s.stream and o.due_at < moment - slack - make_interval(secs => s.age_s)
            and (o.state in ('queued', 'remote') or o.lease_until <= moment)
          order by o.due_at limit p_limit) j)
    update work.job j set due_at = moment
     where j.id in (select k.id from work.job k join lost on lost.id = k.id
                     where k.due_at is not null and k.id <> all (late) for no key update of k skip locked)
    returning 'stale'::text, j.id, j.slot, j.kind, j.trace;
  -- Ends or promotions last: wallets and members come after all job rows. Never both in one transaction: each takes
  -- member rows in order, and two orders one after the other are none. The next pass does the other.
  if cardinality(users) > 0 then
    n := cardinality(users);
    return query select 'next'::text, c.job, c.stream, c.kind, c.trace
                   from work.leave(users, lanes, array_fill(0, array[n]), array_fill(0, array[n]), prices,
                                   array_fill(1::smallint, array[n]), array_fill(null::date, array[n])) c;
    if cardinality(late) > 0 then
      what := 'again';
      job := null;
      stream := null;
      return next;
    end if;
  elsif cardinality(late) > 0 then
    n := cardinality(late);
    return query select 'overdue'::text, i, null::smallint, null::text, null::text from unnest(late) i;
    return query select 'next'::text, c.job, c.stream, c.kind, c.trace
                   from work.close(late, array_fill('failed'::work.state, array[n]),
                                   array_fill('overdue'::text, array[n])) c;
  end if;
end
$$;
