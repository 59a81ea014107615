-- What belongs to a job of a set is found by halving, in arrays that stand in the order of the ids, and no longer by going
-- through them from the left: with a hundred jobs that was a twentieth of all the server did. (`width_bucket` answers the last
-- place whose value is not greater; each id that is looked for is there.)

-- As before, by halving.
create or replace function ledger.capture_jobs(p_job uuid[], p_amount bigint[])
returns table (job uuid, code text, captured bigint) language plpgsql as $$
#variable_conflict use_column
declare
  ids uuid[];
  amounts bigint[];
  ended uuid[];
  taken bigint[];
  owners bigint[];
  curs smallint[];
  debited record;
begin
  if cardinality(p_job) = 1 then
    return query
      select p_job[1], c.code, c.captured
        from ledger.capture_one((select h.id from ledger.hold h where h.id = p_job[1] and not h.partner), p_amount[1]) c;
    return;
  end if;
  select array_agg(x.j order by x.j), array_agg(x.n order by x.j) into ids, amounts from unnest(p_job, p_amount) x (j, n);
  -- Only rows that were locked in order are closed: one that appears in between would be locked out of order.
  select array_agg(l.id) into ended
    from (select h.id from ledger.hold h where h.id = any (p_job) and not h.partner order by h.id for no key update) l;
  with closed as (
    update ledger.hold h
       set captured = least(amounts[width_bucket(h.id, ids)], h.amount), resolved_at = clock_timestamp(),
           expires_at = 'infinity',
           state = case when amounts[width_bucket(h.id, ids)] > 0 then 'captured' else 'released' end::ledger.hold_state
     where h.id = any (ended) and h.state = 'open' and amounts[width_bucket(h.id, ids)] >= 0
    returning h.id, h.captured, h.owner, h.cur
  )
  select array_agg(c.id), array_agg(c.captured), array_agg(c.owner), array_agg(c.cur) into ended, taken, owners, curs
    from closed c;
  if ended is not null then
    perform 1 from ledger.account a
     where a.owner = any (owners) and (a.owner, a.cur) in (select w.owner, w.cur from unnest(owners, curs) w (owner, cur))
     order by a.owner, a.cur desc for no key update;
    for debited in select * from ledger.post_captures(ended) loop
      perform ledger.draw_lots(debited.owner, debited.cur, debited.drew);
    end loop;
    return query select e.id, 'ok', e.n from unnest(ended, taken) e (id, n);
    if cardinality(ended) = cardinality(p_job) then
      return;
    end if;
  end if;
  return query
    select x.j, case when coalesce(x.n, -1) < 0 then 'bad_amount' else ledger.closed_hold_code(h.state) end, h.captured
      from unnest(p_job, p_amount) x (j, n) left join ledger.hold h on h.id = x.j and not h.partner
     where ended is null or x.j <> all (ended);
end
$$;

-- As before, by halving: `p_job` and the arrays beside it stand in the order of the ids.
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
    from (select u.*, width_bucket(u.job, p_job) as n from unnest(p_ended) u) e;
end
$$;

-- As before, by halving, and the caller brings its arrays in the order of the ids.
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
  if p_job <> array(select i.id from unnest(p_job) i(id) order by i.id) then
    raise exception 'a set that is not in the order of its ids' using errcode = 'WK001';
  end if;
  perform 1 from work.job j where j.id = any (p_job) order by j.id for no key update;
  with done as (
    update work.job j
       set state = 'succeeded', result = p_result[width_bucket(j.id, p_job)],
           result_key_version = p_key_version[width_bucket(j.id, p_job)], due_at = null,
           finished_at = clock_timestamp(), lease_until = null, lease_token = null, intent_at = null,
           captured = case when (select w.closed from work.member w where w.user_id = j.user_id) = 'closed'
                           then 0 else least(p_captured[width_bucket(j.id, p_job)], j.price) end
     where j.id = any (p_job) and j.attempt = p_attempt[width_bucket(j.id, p_job)] and j.state = 'running'
    returning j.id, j.user_id, j.app, j.stream, j.kind, j.reply, j.price, j.captured, j.state, j.finished_at)
  select array_agg((d.id, d.user_id, d.app, d.stream, d.kind, d.reply, d.price, d.captured, d.state, null,
                    d.finished_at)::work.ended order by d.id),
         array_agg(d.id order by d.id), array_agg(d.id order by d.id) filter (where d.price > 0),
         array_agg(d.captured order by d.id) filter (where d.price > 0), array_agg(d.user_id order by d.id),
         array_agg(work.lane_of(d.stream) order by d.id), array_agg(d.price order by d.id),
         array_agg(d.app order by d.id)
    into ended, ids, priced, amounts, users, lanes, prices, apps from done d;
  if ended is not null then
    -- Before the wallets are touched, which then stay locked for less: one person's starts and ends wait for each other there.
    perform work.record_ends(ended, p_job, p_model, p_provider, p_tokens, p_units);
    if priced is not null then
      select array_agg(c.code) into codes from ledger.capture_jobs(priced, amounts) c where c.code <> 'ok';
      if codes is not null then
        raise exception 'priced jobs without their open hold: %', codes using errcode = 'LG005';
      end if;
    end if;
    return query
      select 'wake', null::text, w.job, null::text, null::bigint, w.stream, w.kind, w.trace
        from work.leave(users, lanes, array_fill(1, array[cardinality(ids)]), array_fill(0, array[cardinality(ids)]),
                        prices, apps, array_fill(null::date, array[cardinality(ids)])) w;
    return query
      select 'job', 'ok', e.job, null::text, e.captured, null::smallint, null::text, null::text
        from unnest(ended) e where p_type[width_bucket(e.job, p_job)] is null;
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
     set result = p_result[width_bucket(j.id, p_job)], result_key_version = p_key_version[width_bucket(j.id, p_job)]
   where j.id = any (p_job) and j.attempt = p_attempt[width_bucket(j.id, p_job)] and j.state = 'failed'
     and j.code = 'overdue' and j.result is null;
  return query
    select 'job', work.verdict(o, i.attempt, 'succeeded'), i.id,
           (select p.code from app.project p where p.job_id = i.id), o.captured, null::smallint, null::text, null::text
      from unnest(p_job, p_attempt) i(id, attempt) left join work.job o on o.id = i.id
     where ids is null or i.id <> all (ids);
end
$$;
