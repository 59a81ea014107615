-- A job alone finds its rows by key, too, whatever size the tables had when its session planned (see 0117): a session that
-- began while `ledger.hold` was new read the whole table for every hold until it was analysed. And each statement is planned
-- once a session; what may be spent was planned at every call, for four times the price of the answer.
alter function work.submit set enable_seqscan = off;
alter function work.submit set plan_cache_mode = force_generic_plan;

-- As before, but one hold is asked for by the function for one.
create or replace function work.start(
  p_job uuid, p_token uuid, p_worker text, p_lease_s float8, p_kinds text[], p_alone boolean,
  out code text, out job uuid, out attempt int, out tries int, out crashes smallint, out user_id bigint,
  out app smallint, out kind text, out version smallint, out payload bytea, out key_version smallint,
  out price bigint, out save boolean, out last_look boolean, out cancel_requested boolean, out remote_ref text,
  out intent_at timestamptz, out deadline timestamptz, out trace text, out run_at timestamptz,
  out taken_over boolean, out wakes work.wake[])
language plpgsql security definer set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
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
      select h.code into code from ledger.hold_one(x.id, x.user_id, x.app, x.price, x.spend, 'infinity') h;
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

-- As before, but one hold is captured by the function for one, and a person's row is named: of an EXISTS the server may make
-- one look through all people.
create or replace function work.succeed(
  p_job uuid, p_attempt int, p_result bytea, p_key_version smallint, p_captured bigint, p_type text, p_title bytea,
  p_content bytea, p_metadata bytea, p_sha256 bytea, p_size bigint, p_model text, p_provider text, p_tokens int,
  p_units int, out code text, out job uuid, out project text, out captured bigint, out wakes work.wake[])
language plpgsql security definer set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
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
         captured = case when (select w.closed from work.member w where w.user_id = j.user_id) = 'closed'
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
    select * into taken
      from ledger.capture_one((select h.id from ledger.hold h where h.id = p_job and not h.partner), x.captured);
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
