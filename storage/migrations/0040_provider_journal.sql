-- The provider journal, complete: what was announced, what may have been sold, and who has told us about it. These
-- functions take the place of `intend`, `bought` and `settle_call`, which cannot tell a lost lease from a cancel, and
-- lose a remote id together with the lease; nothing of the product calls those any more.
--
-- A call is OPEN while its outcome is null. `sold` says that it was sold, or must be presumed to have been. A closed call
-- that is not `sold` was never bought: it neither stands in the way of another one nor counts as a purchase. The one
-- exception is `abandoned`: the job has ended over an open call (work.close), and whether it was sold was never learnt.
alter table work.provider_call
  add column sold boolean not null default false,
  add column addressed boolean not null default false,   -- the provider was given an address to report to
  add column claimed_refs text[] not null default '{}',  -- task ids that callbacks have named; not believed yet
  add column heard_at timestamptz;                       -- the last callback

-- Why a job was not generated, for its owner and for an operator: a class and a score, never the content.
create table work.moderation (
  job_id uuid primary key,
  class text not null,
  score real not null check (score between 0 and 1),
  judge text not null,
  at timestamptz not null default clock_timestamp()
);
grant select on work.moderation to leyden_app;

-- Committed before a paid request leaves. Dies after it: the next attempt finds an open call and looks before it buys
-- again. A lost reply is asked again with the same id.
create function work.announce_call(p_call uuid, p_job uuid, p_attempt int, p_provider text, p_model text,
                                   p_addressed boolean) returns text
language plpgsql security definer as $$
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  if x.id is null or x.attempt <> p_attempt or x.state <> 'running' then
    return 'lost';
  elsif x.cancel_requested_at is not null then
    return 'cancelled';
  end if;
  update work.job j set intent_at = coalesce(j.intent_at, clock_timestamp()) where j.id = p_job;
  insert into work.provider_call (id, job_id, attempt, provider, model, addressed)
  values (p_call, p_job, p_attempt, p_provider, p_model, p_addressed) on conflict (id) do nothing;
  return 'ok';
end
$$;

-- The remote id is committed before anything else is done with the answer, also by an attempt that has lost its lease
-- meanwhile: whoever comes next asks after the task instead of buying another one. `taken`: the id belongs to another call.
create function work.note_task(p_call uuid, p_job uuid, p_attempt int, p_ref text) returns text
language plpgsql security definer as $$
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  begin
    update work.provider_call c set external_ref = coalesce(c.external_ref, p_ref)
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

-- What came of a call. Nothing sold: the intent is closed and a cancel is free again. Told by an attempt that is no longer
-- current, it is entered all the same, but moves no job. The first outcome stays.
create function work.close_call(p_call uuid, p_job uuid, p_attempt int, p_outcome text, p_cost_usd_micros bigint,
                                p_sold boolean) returns text
language plpgsql security definer as $$
declare
  x work.job;
begin
  select * into x from work.job j where j.id = p_job for no key update;
  update work.provider_call c
     set outcome = p_outcome, cost_usd_micros = p_cost_usd_micros, sold = p_sold, ended_at = clock_timestamp()
   where c.id = p_call and c.job_id = p_job and c.outcome is null;
  if x.id is null or x.attempt <> p_attempt or x.state <> 'running' then
    return 'lost';
  end if;
  if not p_sold then
    update work.job j set intent_at = null, remote_ref = null where j.id = p_job;
  end if;
  return 'ok';
end
$$;

-- A job that waits for its next poll, polled now: what the sweeper does when the timer ends. The caller holds the row.
create function work.poll_now(x work.job) returns work.wake[]
language plpgsql as $$
begin
  if (x).state <> 'remote' or (x).slot <> 0 then
    return null;  -- it runs, or has been told already: it looks at what was heard when it parks
  end if;
  update work.job j
     set slot = j.stream, due_at = clock_timestamp(), run_at = least(j.run_at, clock_timestamp())
   where j.id = (x).id;
  return array[((x).id, (x).stream, (x).kind, (x).trace)::work.wake];
end
$$;

-- A callback for this call has come, naming a task or none. It is only a reason to look: an id that it names is read back
-- from the provider before it is believed. Repeated, it does the same again, which is one more poll at worst.
create function work.hear_call(p_call uuid, p_ref text, out code text, out wakes work.wake[])
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
                             then c.claimed_refs || p_ref else c.claimed_refs end
   where c.id = p_call;
  code := case when x.state > 'remote' then 'ended' else 'heard' end;
  wakes := work.poll_now(x);
end
$$;

-- Claimed ids that turned out not to be tasks of this call.
create function work.forget_claims(p_call uuid, p_refs text[]) returns void
language sql security definer as $$
  update work.provider_call c
     set claimed_refs = array(select r from unnest(c.claimed_refs) r where r <> all (p_refs))
   where c.id = p_call;
$$;

-- After a park: a callback that came while the attempt was running has found nobody waiting. p_heard_at is what the attempt
-- had seen when it began.
create function work.recheck_call(p_call uuid, p_heard_at timestamptz, out wakes work.wake[])
language plpgsql security definer as $$
declare
  x work.job;
begin
  select j.* into x from work.job j
    join work.provider_call c on c.job_id = j.id
   where c.id = p_call and c.heard_at is distinct from p_heard_at for no key update of j;
  if x.id is not null then
    wakes := work.poll_now(x);
  end if;
end
$$;

create function work.note_block(p_job uuid, p_class text, p_score real, p_judge text) returns void
language sql security definer as $$
  insert into work.moderation (job_id, class, score, judge)
  values (p_job, p_class, p_score, p_judge) on conflict (job_id) do nothing;
$$;

grant execute on function
  work.announce_call(uuid, uuid, int, text, text, boolean), work.note_task(uuid, uuid, int, text),
  work.close_call(uuid, uuid, int, text, bigint, boolean), work.hear_call(uuid, text),
  work.forget_claims(uuid, text[]), work.recheck_call(uuid, timestamptz), work.note_block(uuid, text, real, text)
  to leyden_app;
