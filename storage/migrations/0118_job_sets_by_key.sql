-- The sets of jobs by key, whatever size the tables had when their statements were planned (see 0117), and nothing asked
-- twice: who is not among the jobs that went the usual way is looked for only when somebody is missing. One plan serves sets
-- of every size, so small ones are not planned anew at every call.

-- As before, but its statements are planned once a session, on every server.
create or replace function work.record_ends(p_ended work.ended[], p_job uuid[], p_model text[], p_provider text[],
                                            p_tokens int[], p_units int[])
returns void language plpgsql as $$
begin
  insert into work.delivery (job_id, target, state, due_at, ended_at)
  select e.job, e.reply, case when e.reply = 'pull' then 'sent' else 'pending' end::work.delivery_state,
         case when e.reply = 'pull' then null else e.at end, case when e.reply = 'pull' then e.at end
    from unnest(p_ended) e;
  insert into work.usage (job_id, user_id, app, kind, model, provider, tokens, units, captured, success, code, at)
  select e.job, e.user_id, e.app, e.kind, coalesce(p_model[e.n], ''), coalesce(p_provider[e.n], ''),
         coalesce(p_tokens[e.n], 0), coalesce(p_units[e.n], 0), e.captured, e.state = 'succeeded', e.code, e.at
    from (select u.*, array_position(p_job, u.job) as n from unnest(p_ended) u) e;
end
$$;

-- As before; what is not judged stays in its array until the row is written, rather than be sorted four times with it.
create or replace function work.submit_many(
  p_id uuid[], p_user bigint[], p_app smallint[], p_kind text[], p_version smallint[], p_stream smallint[],
  p_key text[], p_hash uuid[], p_payload bytea[], p_key_version smallint[], p_price bigint[], p_price_version int[],
  p_spend text[], p_reply text[], p_limit int[], p_limit_s int[], p_max_tries smallint[], p_trace text[],
  p_save boolean[], p_run_at timestamptz[], p_replay_of uuid[])
returns table (n int, code text, job uuid, st work.state, price bigint, wake boolean, stream smallint, kind text,
               trace text)
language plpgsql security definer set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  today date := (moment at time zone 'UTC')::date;
  owned bigint[];
  easy int[];
  states work.state[];
  one record;
  users bigint[];
  lanes int[];
  free int[];
  stale boolean;
begin
  select bool_or(l.day < today) into stale
    from (select m.day from work.member m where m.user_id = any (p_user) order by m.user_id for no key update) l;
  if stale then  -- the first jobs of a day turn it over together, or midnight would send every user down the slow way
    update work.member m set day = today, used = '{0,0,0,0}' where m.user_id = any (p_user) and m.day < today;
  end if;
  owned := ledger.spendable_each(p_user, p_spend);
  -- Easy rows in one go: a row is easy if it and all earlier rows of its user fit. The counters follow what was
  -- really inserted, so there is nothing to undo.
  with asked as (
    select i.*, work.lane_of(i.stream) as lane, i.run_at is null or i.run_at <= moment as due
      from unnest(p_id, p_user, p_app, p_stream, p_key, p_price, p_limit, p_run_at)
           with ordinality i(id, user_id, app, stream, key, price, daily, run_at, n)),
  judged as (
    select a.*, m.caps[a.lane] - m.active[a.lane] as free, m.used[a.app] as used, m.promised,
           m.waiting_max - (m.waiting[1] + m.waiting[2] + m.waiting[3] + m.waiting[4] + m.waiting[5]) as room,
           count(*) filter (where a.due) over (partition by a.user_id, a.lane order by a.n) as nth_due,
           count(*) over (partition by a.user_id order by a.n) as nth,
           count(*) over (partition by a.user_id, a.app order by a.n) as nth_app,
           sum(case when a.due then a.price else 0 end) over (partition by a.user_id order by a.n) as total
      from asked a
      join work.member m on m.user_id = a.user_id and m.user_id = any (p_user) and m.day = today and m.closed is null),
  fitting as (
    select j.*, j.due and j.nth_due <= j.free as straight
      from judged j
     where j.nth <= j.room and (j.daily < 0 or j.used + j.nth_app <= j.daily)
       and (select k.id from work.job k where k.user_id = j.user_id and k.key = j.key) is null  -- see submit
       and (j.price = 0 or not j.due or j.promised + j.total <= owned[j.n])),
  inserted as (
    insert into work.job as new (
           id, user_id, state, app, stream, slot, version, max_tries, save, due_at, run_at, limit_s, price,
           price_version, day, spend, kind, key, body_hash, reply, trace, replay_of, created_at, key_version, payload)
    select f.id, f.user_id, case when f.straight then 'queued' else 'waiting' end::work.state, f.app, f.stream,
           case when f.straight then f.stream else 0 end, p_version[f.n], p_max_tries[f.n], p_save[f.n],
           case when f.straight then moment when f.due then 'infinity' else f.run_at end, coalesce(f.run_at, moment),
           p_limit_s[f.n], f.price, p_price_version[f.n], today, p_spend[f.n]::smallint[], p_kind[f.n], f.key, p_hash[f.n],
           p_reply[f.n], p_trace[f.n], p_replay_of[f.n], moment, p_key_version[f.n], p_payload[f.n]
      from fitting f order by f.n
    on conflict do nothing
    returning new.id, new.user_id, new.state, new.app, new.stream, new.price, new.due_at),
  counted as (
    update work.member m
       set active = work.plus(m.active, g.active), waiting = work.plus(m.waiting, g.waiting),
           promised = m.promised + g.promised,
           used = array[m.used[1] + g.used[1], m.used[2] + g.used[2], m.used[3] + g.used[3], m.used[4] + g.used[4]]
      from (select i.user_id,
                   array[count(*) filter (where i.state = 'queued' and i.stream between 1 and 4),
                         count(*) filter (where i.state = 'queued' and i.stream between 5 and 8),
                         count(*) filter (where i.state = 'queued' and i.stream between 9 and 12),
                         count(*) filter (where i.state = 'queued' and i.stream between 13 and 16),
                         count(*) filter (where i.state = 'queued' and i.stream between 17 and 20)]::int[] as active,
                   array[count(*) filter (where i.state = 'waiting' and i.stream between 1 and 4),
                         count(*) filter (where i.state = 'waiting' and i.stream between 5 and 8),
                         count(*) filter (where i.state = 'waiting' and i.stream between 9 and 12),
                         count(*) filter (where i.state = 'waiting' and i.stream between 13 and 16),
                         count(*) filter (where i.state = 'waiting' and i.stream between 17 and 20)]::int[] as waiting,
                   sum(case when i.state = 'queued' or i.due_at = 'infinity' then i.price else 0 end)::bigint as promised,
                   array[count(*) filter (where i.app = 1), count(*) filter (where i.app = 2),
                         count(*) filter (where i.app = 3), count(*) filter (where i.app = 4)]::int[] as used
              from inserted i group by i.user_id) g
     where m.user_id = g.user_id)
  select array_agg(array_position(p_id, i.id)), array_agg(i.state) into easy, states from inserted i;
  return query
    select e.n, 'ok', p_id[e.n], e.state, p_price[e.n], e.state = 'queued', p_stream[e.n], p_kind[e.n], p_trace[e.n]
      from unnest(easy, states) e(n, state);
  if cardinality(easy) is not distinct from cardinality(p_id) then
    return;
  end if;
  -- The others one by one: replays, refusals with their reason, the first job of a day.
  for n in select i.n from unnest(p_user) with ordinality i(user_id, n)
            where i.n <> all (coalesce(easy, '{}')) order by i.user_id, i.n loop
    select * into one from work.submit(
      p_id[n], p_user[n], p_app[n], p_kind[n], p_version[n], p_stream[n], p_key[n], p_hash[n], p_payload[n],
      p_key_version[n], p_price[n], p_price_version[n], p_spend[n]::smallint[], p_reply[n], p_limit[n], p_limit_s[n],
      p_max_tries[n], p_trace[n], p_save[n], p_run_at[n], p_replay_of[n]);
    code := one.code;
    job := one.job;
    st := one.st;
    price := one.price;
    wake := one.wakes is not null;
    stream := p_stream[n];
    kind := p_kind[n];
    trace := p_trace[n];
    return next;
  end loop;
  -- A replay may have taken a place in the count above and sent a later row to wait behind nobody.
  select array_agg(m.user_id), array_agg(l), array_agg(m.caps[l] - m.active[l]) into users, lanes, free
    from work.member m, generate_series(1, 5) l
   where m.user_id = any (p_user) and m.active[l] < m.caps[l] and m.waiting[l] > 0;
  if users is not null then
    return query select 0, 'wake', p.job, 'queued'::work.state, null::bigint, true, p.stream, p.kind, p.trace
                   from work.promote(users, lanes, free) p;
  end if;
end
$$;

create or replace function work.start_many(
  p_job uuid[], p_token uuid[], p_worker text, p_lease_s float8, p_kinds text[], p_alone boolean)
returns table (what text, code text, job uuid, attempt int, tries int, crashes smallint, user_id bigint, app smallint,
               kind text, version smallint, payload bytea, key_version smallint, price bigint, save boolean,
               last_look boolean, cancel_requested boolean, remote_ref text, intent_at timestamptz,
               deadline timestamptz, trace text, run_at timestamptz, taken_over boolean, next_stream smallint)
language plpgsql security definer set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp();
  started work.job[];
  ids uuid[];
  fresh uuid[];
  users bigint[];
  apps smallint[];
  prices bigint[];
  spends text[];
  refused uuid[];
  reasons text[];
  other record;
  one record;
begin
  perform 1 from work.job j where j.id = any (p_job) order by j.id for no key update;
  with taken as (
    update work.job j
       set state = 'running', attempt = j.attempt + 1, worker = p_worker, alone = p_alone,
           lease_token = p_token[array_position(p_job, j.id)],
           lease_until = moment + make_interval(secs => p_lease_s), started_at = coalesce(j.started_at, moment),
           deadline = coalesce(j.deadline, moment + make_interval(secs => j.limit_s)),
           due_at = case when j.last_look then moment else j.due_at end
     where j.id = any (p_job) and j.state in ('queued', 'remote') and j.slot > 0 and j.run_at <= moment
       and (j.deadline is null or j.deadline > moment or j.last_look)
       and j.kind || ':' || j.version = any (p_kinds) and (p_alone or not j.suspect)
    returning j as x, j.id, j.user_id, j.app, j.price, j.spend, j.attempt = 1 and j.price > 0 as pays)
  select array_agg(t.x), array_agg(t.id), array_agg(t.id) filter (where t.pays), array_agg(t.user_id) filter (where t.pays),
         array_agg(t.app) filter (where t.pays), array_agg(t.price) filter (where t.pays),
         array_agg(t.spend::text) filter (where t.pays)
    into started, ids, fresh, users, apps, prices, spends from taken t;
  if fresh is not null then
    select array_agg(h.job), array_agg(h.code) into refused, reasons
      from ledger.hold_jobs(fresh, users, apps, prices, spends) h
     where h.code <> 'ok';
  end if;
  return query
    select 'job', coalesce(reasons[array_position(refused, s.id)], 'ok'), s.id, s.attempt, s.tries, s.crashes, s.user_id,
           s.app, s.kind, s.version, s.payload, s.key_version, s.price, s.save, s.last_look,
           s.cancel_requested_at is not null, s.remote_ref, s.intent_at, s.deadline, s.trace, s.run_at, false,
           null::smallint
      from unnest(started) s;
  if cardinality(ids) = cardinality(p_job) and refused is null then
    return;
  end if;
  -- Rows that did not start plainly write only their own, already locked, job row.
  for one in select i.id, i.token from unnest(p_job, p_token) i(id, token)
              where ids is null or i.id <> all (ids) order by i.id loop
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

create or replace function work.succeed_many(
  p_job uuid[], p_attempt int[], p_result bytea[], p_key_version smallint[], p_captured bigint[], p_type text[],
  p_title bytea[], p_content bytea[], p_metadata bytea[], p_sha256 bytea[], p_size bigint[], p_model text[],
  p_provider text[], p_tokens int[], p_units int[])
returns table (what text, code text, job uuid, project text, captured bigint, stream smallint, kind text, trace text)
language plpgsql security definer set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  ended work.ended[];
  ids uuid[];
  priced uuid[];
  amounts bigint[];
  users bigint[];
  lanes int[];
  prices bigint[];
  apps smallint[];
  codes text[];
  one record;
  saved text;
begin
  perform 1 from work.job j where j.id = any (p_job) order by j.id for no key update;
  with done as (
    update work.job j
       set state = 'succeeded', result = p_result[array_position(p_job, j.id)],
           result_key_version = p_key_version[array_position(p_job, j.id)], due_at = null,
           finished_at = clock_timestamp(), lease_until = null, lease_token = null, intent_at = null,
           captured = case when (select w.closed from work.member w where w.user_id = j.user_id) = 'closed'
                           then 0 else least(p_captured[array_position(p_job, j.id)], j.price) end
     where j.id = any (p_job) and j.attempt = p_attempt[array_position(p_job, j.id)] and j.state = 'running'
    returning j.id, j.user_id, j.app, j.stream, j.kind, j.reply, j.price, j.captured, j.state, j.finished_at)
  select array_agg((d.id, d.user_id, d.app, d.stream, d.kind, d.reply, d.price, d.captured, d.state, null,
                    d.finished_at)::work.ended order by d.id),
         array_agg(d.id order by d.id), array_agg(d.id order by d.id) filter (where d.price > 0),
         array_agg(d.captured order by d.id) filter (where d.price > 0), array_agg(d.user_id order by d.id),
         array_agg(work.lane_of(d.stream) order by d.id), array_agg(d.price order by d.id),
         array_agg(d.app order by d.id)
    into ended, ids, priced, amounts, users, lanes, prices, apps from done d;
  if ended is not null then
    if priced is not null then
      select array_agg(c.code) into codes from ledger.capture_jobs(priced, amounts) c where c.code <> 'ok';
      if codes is not null then
        raise exception 'priced jobs without their open hold: %', codes using errcode = 'LG005';
      end if;
    end if;
    perform work.record_ends(ended, p_job, p_model, p_provider, p_tokens, p_units);
    return query
      select 'wake', null::text, w.job, null::text, null::bigint, w.stream, w.kind, w.trace
        from work.leave(users, lanes, array_fill(1, array[cardinality(ids)]), array_fill(0, array[cardinality(ids)]),
                        prices, apps, array_fill(null::date, array[cardinality(ids)])) w;
    return query
      select 'job', 'ok', e.job, null::text, e.captured, null::smallint, null::text, null::text
        from unnest(ended) e where p_type[array_position(p_job, e.job)] is null;
    if cardinality(array_remove(p_type, null)) > 0 then
      -- Workspace rows last, in the order of users.
      for one in select i.*, e.user_id, e.app, e.captured as taken
                   from unnest(p_job, p_key_version, p_type, p_title, p_content, p_metadata, p_sha256, p_size)
                        i(id, key_version, type, title, content, metadata, sha256, size)
                   join unnest(ended) e on e.job = i.id
                  where i.type is not null
                  order by e.user_id, e.job loop
        saved := work.save_project(one.id, one.user_id, one.app, one.key_version, one.type, one.title, one.content,
                                   one.metadata, one.sha256, one.size);
        return query select 'job', 'ok', one.id, saved, one.taken, null::smallint, null::text, null::text;
      end loop;
    end if;
    if cardinality(ids) = cardinality(p_job) then
      return;
    end if;
  end if;
  update work.job j  -- late: kept and given free
     set result = p_result[array_position(p_job, j.id)], result_key_version = p_key_version[array_position(p_job, j.id)]
   where j.id = any (p_job) and j.attempt = p_attempt[array_position(p_job, j.id)] and j.state = 'failed'
     and j.code = 'overdue' and j.result is null;
  return query
    select 'job', work.verdict(o, i.attempt, 'succeeded'), i.id,
           (select p.code from app.project p where p.job_id = i.id), o.captured, null::smallint, null::text, null::text
      from unnest(p_job, p_attempt) i(id, attempt) left join work.job o on o.id = i.id
     where ids is null or i.id <> all (ids);
end
$$;

alter function work.renew set enable_seqscan = off;
alter function work.renew set plan_cache_mode = force_generic_plan;
