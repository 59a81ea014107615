-- The completer. Every worker runs it; one at a time does it. In sets, oldest first; a caller repeats it until it
-- answers nothing more.
--
-- p_stream/p_age_s: for each stream, how many seconds ago the newest entry that Redis has DELIVERED was added (0 when
-- nothing is undelivered, or the stream is gone). A job still `queued` whose last XADD is older than that was delivered
-- and not started, or its entry is lost: it is told again. A backlog, however old, has not been delivered and is left
-- alone. Ages, not times: the two clocks need not agree. A duplicate wake-up costs one `start` that answers "nothing".
--
-- what: busy (another sweeper is at it) | due | lease | stale | look | next (wake-ups to add) | overdue (ended here)
--       | again (something is left for the next pass)
create function work.sweep(p_limit int, p_stream smallint[], p_age_s float8[], p_lease_s float8, p_slack_s float8)
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
    elsif x.deadline <= moment and (x.state <> 'remote' or x.last_look or (x.intent_at is null and x.remote_ref is null)) then
      late := late || x.id;
    else
      -- A poll or a delayed retry. An overdue job that has bought something gets one last look at the provider.
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
  -- Ended leases, and jobs past their deadline. Every row taken here is moved or ended, so a full batch never hides
  -- the next one.
  for x in select j.* from work.job j
            where j.slot > 0 and j.due_at is not null
              and (case when j.state = 'running'
                        then (j.lease_until <= moment and j.due_at <= j.lease_until) or j.deadline + lease <= moment
                        else j.deadline <= moment and not j.last_look end)
            limit p_limit for no key update skip locked loop
    if x.deadline + lease <= moment or (x.state <> 'running' and x.deadline <= moment) then
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

-- ------------------------------------------------------------------------------------ what must always be true
-- Must be empty at every instant.
create view work.violations as
  select 'counters' as what, m.user_id::text as who
    from work.member m
    left join (
      select user_id,
             array[count(*) filter (where state <> 'waiting' and stream between 1 and 4),
                   count(*) filter (where state <> 'waiting' and stream between 5 and 8),
                   count(*) filter (where state <> 'waiting' and stream between 9 and 12),
                   count(*) filter (where state <> 'waiting' and stream between 13 and 16),
                   count(*) filter (where state <> 'waiting' and stream between 17 and 20)]::int[] as active,
             array[count(*) filter (where state = 'waiting' and stream between 1 and 4),
                   count(*) filter (where state = 'waiting' and stream between 5 and 8),
                   count(*) filter (where state = 'waiting' and stream between 9 and 12),
                   count(*) filter (where state = 'waiting' and stream between 13 and 16),
                   count(*) filter (where state = 'waiting' and stream between 17 and 20)]::int[] as waiting,
             sum(price) filter (where state <> 'waiting' or due_at = 'infinity') as promised
        from work.job where due_at is not null group by user_id) j using (user_id)
   where m.active <> coalesce(j.active, '{0,0,0,0,0}') or m.waiting <> coalesce(j.waiting, '{0,0,0,0,0}')
      or m.promised <> coalesce(j.promised, 0)
  union all
  select 'money', j.id::text
    from work.job j left join ledger.hold h on h.id = j.id
   where case when j.state = 'succeeded' and j.captured > 0
              then h.state is distinct from 'captured' or h.captured <> j.captured
              when j.state > 'remote' then h.state in ('open', 'captured')
              when j.attempt > 0 and j.price > 0 then h.state is distinct from 'open'
              else h.id is not null end
  union all
  select 'hold without job', h.id::text
    from ledger.hold h left join work.job j on j.id = h.id
   where h.state = 'open' and h.expires_at = 'infinity' and j.due_at is null
  union all
  select 'end without delivery', j.id::text
    from work.job j
   where j.state > 'remote' and not exists (select 1 from work.delivery d where d.job_id = j.id)
  union all
  select 'end without usage', j.id::text
    from work.job j
   where j.state > 'remote' and not exists (select 1 from work.usage u where u.user_id = j.user_id and u.job_id = j.id);

-- Empty too, but for one lawful moment: after a plan was lowered, what already runs may finish.
create view work.over_cap as
  select m.user_id, l as lane, m.active[l] as active, m.caps[l] as cap
    from work.member m, generate_series(1, 5) l where m.active[l] > m.caps[l];

create view public.audit_jobs as
  select j.id, j.key as client_key, j.user_id, j.kind, j.state::text as state, j.attempt as attempts, j.price,
         j.captured, case when h.state = 'open' then h.amount else 0 end as held, j.created_at, j.finished_at
    from work.job j left join ledger.hold h on h.id = j.id;

create view public.audit_deliveries as
  select d.job_id, d.target, d.state::text as state, d.message_ref from work.delivery d;

create view public.audit_provider_calls as
  select c.job_id, c.attempt, c.provider, c.intent_at, c.external_ref, c.outcome from work.provider_call c;

grant select on work.violations, work.over_cap, public.audit_jobs, public.audit_deliveries, public.audit_provider_calls to leyden_app;
grant execute on function
  work.submit(uuid, bigint, smallint, text, smallint, smallint, text, uuid, bytea, smallint, bigint, int, smallint[],
              text, int, int, smallint, text, boolean, timestamptz, uuid),
  work.submit_many(uuid[], bigint[], smallint[], text[], smallint[], smallint[], text[], uuid[], bytea[], smallint[],
                   bigint[], int[], text[], text[], int[], int[], smallint[], text[], boolean[], timestamptz[], uuid[]),
  work.start(uuid, uuid, text, float8, text[], boolean),
  work.start_many(uuid[], uuid[], text, float8, text[], boolean),
  work.succeed(uuid, int, bytea, smallint, bigint, text, bytea, bytea, bytea, bytea, bigint, text, text, int, int),
  work.succeed_many(uuid[], int[], bytea[], smallint[], bigint[], text[], bytea[], bytea[], bytea[], bytea[], bigint[],
                    text[], text[], int[], int[]),
  work.fail(uuid, int, text), work.cancel(uuid, bigint),
  work.retry(uuid, int, float8, text, boolean, boolean), work.park(uuid, int, float8, text, float8),
  work.bury(uuid, int, int), work.renew(uuid[], int[], float8),
  work.intend(uuid, uuid, int, text, text), work.bought(uuid, uuid, int, text),
  work.settle_call(uuid, uuid, int, text, bigint, boolean),
  work.sweep(int, smallint[], float8[], float8, float8)
  to leyden_app;
