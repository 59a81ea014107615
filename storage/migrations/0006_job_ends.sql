-- What every end of a job shares: counters, freed places, promotions, deliveries, usage.
--
-- LOCK LAYERS, always downwards: job rows (by id) -> holds -> wallets (by owner, then currency from high to low, the
-- order in which they are spent) -> member rows (by user) -> waiting jobs with SKIP LOCKED only -> workspace rows (by user). SKIP LOCKED never waits, so it
-- cannot close a cycle. Who locks a waiting job ends at its member row and promotes there, so a job that was
-- skipped is never forgotten. `submit` takes the member row and then inserts a row that nobody can see yet.
-- Statements in plpgsql get a fresh snapshot each (READ COMMITTED): what a lock wait revealed is visible next.

create function work.lane_of(p_stream smallint) returns int
language sql immutable parallel safe as $$ select (p_stream - 1) / 4 + 1 $$;

create function work.plus(a int[], b int[]) returns int[]
language sql immutable parallel safe as
$$ select array[a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5]] $$;

-- Queue up to p_free due waiting jobs of each (user, lane): best priority first, then oldest. The caller holds
-- the member rows.
create function work.promote(p_user bigint[], p_lane int[], p_free int[]) returns setof work.wake
language sql as $$
  with chosen as (
    select next.id
      from unnest(p_user, p_lane, p_free) place(user_id, lane, free)
     cross join lateral (
       select j.id from work.job j
        where j.user_id = place.user_id and j.slot = 0 and j.state = 'waiting' and j.due_at = 'infinity'
          and j.stream between place.lane * 4 - 3 and place.lane * 4 - 1
        order by j.stream, j.id
        limit place.free
          for no key update skip locked) next),
  moved as (
    update work.job j set state = 'queued', slot = j.stream, due_at = clock_timestamp()
      from chosen where j.id = chosen.id
    returning j.id, j.user_id, j.stream, j.kind, j.trace),
  counted as (
    update work.member m
       set active = work.plus(m.active, n.by_lane),
           waiting = array[m.waiting[1] - n.by_lane[1], m.waiting[2] - n.by_lane[2], m.waiting[3] - n.by_lane[3],
                           m.waiting[4] - n.by_lane[4], m.waiting[5] - n.by_lane[5]]
      from (select user_id, array[
                     count(*) filter (where stream between 1 and 4), count(*) filter (where stream between 5 and 8),
                     count(*) filter (where stream between 9 and 12), count(*) filter (where stream between 13 and 16),
                     count(*) filter (where stream between 17 and 20)]::int[] as by_lane
              from moved group by user_id) n
     where m.user_id = n.user_id)
  select id, stream, kind, trace from moved
$$;

-- Change the counters of several members and fill the places that became free. Arrays are parallel; p_active and
-- p_waiting are subtracted, p_promised too (negative adds). A request that did not succeed is given back to the day it
-- was counted on (p_day); a day that is over needs nothing, and null leaves it counted.
create function work.leave(p_user bigint[], p_lane int[], p_active int[], p_waiting int[], p_promised bigint[],
                           p_app smallint[], p_day date[]) returns setof work.wake
language plpgsql as $$
declare
  today date := (clock_timestamp() at time zone 'UTC')::date;
  users bigint[];
  lanes int[];
  free int[];
begin
  perform 1 from work.member m where m.user_id = any (p_user) order by m.user_id for no key update;
  with change as (
    select c.user_id,
           array[-sum(c.a) filter (where c.l = 1), -sum(c.a) filter (where c.l = 2), -sum(c.a) filter (where c.l = 3),
                 -sum(c.a) filter (where c.l = 4), -sum(c.a) filter (where c.l = 5)]::int[] as active,
           array[-sum(c.w) filter (where c.l = 1), -sum(c.w) filter (where c.l = 2), -sum(c.w) filter (where c.l = 3),
                 -sum(c.w) filter (where c.l = 4), -sum(c.w) filter (where c.l = 5)]::int[] as waiting,
           sum(c.promised)::bigint as promised,
           count(*) filter (where c.day = today) > 0 as back,
           array[count(*) filter (where c.day = today and c.app = 1), count(*) filter (where c.day = today and c.app = 2),
                 count(*) filter (where c.day = today and c.app = 3), count(*) filter (where c.day = today and c.app = 4)
                ]::int[] as unused
      from unnest(p_user, p_lane, p_active, p_waiting, p_promised, p_app, p_day) c(user_id, l, a, w, promised, app, day)
     group by c.user_id),
  counted as (
    update work.member m
       set active = array[m.active[1] + coalesce(c.active[1], 0), m.active[2] + coalesce(c.active[2], 0),
                          m.active[3] + coalesce(c.active[3], 0), m.active[4] + coalesce(c.active[4], 0),
                          m.active[5] + coalesce(c.active[5], 0)],
           waiting = array[m.waiting[1] + coalesce(c.waiting[1], 0), m.waiting[2] + coalesce(c.waiting[2], 0),
                           m.waiting[3] + coalesce(c.waiting[3], 0), m.waiting[4] + coalesce(c.waiting[4], 0),
                           m.waiting[5] + coalesce(c.waiting[5], 0)],
           promised = m.promised - c.promised,
           used = case when c.back and m.day = today
                       then array[greatest(m.used[1] - c.unused[1], 0), greatest(m.used[2] - c.unused[2], 0),
                                  greatest(m.used[3] - c.unused[3], 0), greatest(m.used[4] - c.unused[4], 0)]
                       else m.used end
      from change c where m.user_id = c.user_id
    returning m.user_id, m.caps, m.active, m.waiting)
  select array_agg(c.user_id), array_agg(l), array_agg(c.caps[l] - c.active[l])
    into users, lanes, free
    from counted c, generate_series(1, 5) l
   where c.caps[l] > c.active[l] and c.waiting[l] > 0;
  if users is not null then
    return query select * from work.promote(users, lanes, free);
  end if;
end
$$;

create type work.ended as (
  job uuid, user_id bigint, app smallint, stream smallint, kind text, reply text, price bigint, captured bigint,
  state work.state, code text, at timestamptz);

-- The rows that every end writes besides the job's own: who is told, what was used. A client that asks has been
-- told by this very commit; every other target becomes a delivery for lane `post`.
create function work.record_ends(p_ended work.ended[], p_job uuid[], p_model text[], p_provider text[],
                                 p_tokens int[], p_units int[])
returns void language sql as $$
  insert into work.delivery (job_id, target, state, due_at, ended_at)
  select e.job, e.reply, case when e.reply = 'pull' then 'sent' else 'pending' end::work.delivery_state,
         case when e.reply = 'pull' then null else e.at end, case when e.reply = 'pull' then e.at end
    from unnest(p_ended) e;
  insert into work.usage (job_id, user_id, app, kind, model, provider, tokens, units, captured, success, code, at)
  select e.job, e.user_id, e.app, e.kind, coalesce(i.model, ''), coalesce(i.provider, ''), coalesce(i.tokens, 0),
         coalesce(i.units, 0), e.captured, e.state = 'succeeded', e.code, e.at
    from unnest(p_ended) e
    left join unnest(p_job, p_model, p_provider, p_tokens, p_units) i(job, model, provider, tokens, units) using (job);
$$;

-- Every end without a capture: failed, cancelled, dead. The caller holds these job rows.
create function work.close(p_job uuid[], p_state work.state[], p_code text[]) returns setof work.wake
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
    update work.provider_call c set outcome = 'abandoned', ended_at = clock_timestamp()
      from done d where c.job_id = d.id and c.outcome is null and d.attempt > 0)
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

-- Save a result in its owner's workspace if it fits. A result that does not fit never fails a paid job: the
-- answer is null, the artifacts stay as blobs for their lifetime. Locks the workspace row last of all.
create function work.save_project(p_job uuid, p_user bigint, p_app smallint, p_key_version smallint, p_type text,
                                  p_title bytea, p_content bytea, p_metadata bytea, p_sha256 bytea, p_size bigint)
returns text language plpgsql as $$
declare
  alphabet constant text := 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  random bytea;
  made text;
begin
  if p_type is null then
    return null;
  end if;
  perform 1 from app.workspace w where w.user_id = p_user for no key update;
  if not exists (select 1 from app.content c where c.user_id = p_user and c.sha256 = p_sha256) then
    update app.workspace w set used_bytes = w.used_bytes + p_size
     where w.user_id = p_user and w.used_bytes + p_size <= w.limit_bytes;
    if not found then
      return null;
    end if;
    insert into app.content (user_id, sha256, key_version, body, size_bytes)
    values (p_user, p_sha256, p_key_version, p_content, p_size);
  end if;
  loop  -- a code that is taken is drawn again
    random := uuid_send(gen_random_uuid());
    select string_agg(substr(alphabet, get_byte(random, n) % 32 + 1, 1), '') into made from generate_series(0, 5) n;
    insert into app.project (code, user_id, app, type, job_id, key_version, title, metadata, sha256, size_bytes)
    values (made, p_user, p_app, p_type, p_job, p_key_version, p_title, p_metadata, p_sha256, p_size)
    on conflict (code) do nothing;
    exit when found;
  end loop;
  return made;
end
$$;
