-- Posts in channels appear at most once. The post of a job is a delivery row of its own, with a target `tgc:...`:
--
--   pending --begin--> sending --> sent | undeliverable (Telegram said no) | uncertain (nobody knows)
--      ^                  |
--      +------------------+   a message of several is there, or Telegram said: not now
--
-- It is `sending` while a message may be on its way. Whoever comes next and finds it so makes it `uncertain` and sends
-- nothing; its owner looks and says which.

-- Codes: ok (send what is missing of it), sent, uncertain, gone, lost (the attempt is no longer the job's). The post of a
-- replay goes on behind the messages that are known to be there.
create function work.begin_post(p_job uuid, p_attempt int, p_target text, p_total int,
                                out code text, out id bigint, out parts bigint[])
language plpgsql security definer as $$
#variable_conflict use_column
declare
  x work.job;
  d work.delivery;
begin
  select j.* into x from work.job j where j.id = p_job for no key update;
  if x.id is null or x.state <> 'running' or x.attempt <> p_attempt then
    code := 'lost';
    return;
  end if;
  select p.* into d from work.delivery p where p.job_id = p_job and p.target like 'tgc:%' for no key update;
  if d.id is null then
    insert into work.delivery (job_id, target, state, fence, total, parts)
    select p_job, p_target, 'sending', p_attempt, p_total,
           coalesce((select o.parts from work.delivery o where o.job_id = x.replay_of and o.target = p_target), '{}')
    returning * into d;
    if cardinality(d.parts) >= p_total then
      update work.delivery p set state = 'sent', ended_at = clock_timestamp() where p.id = d.id;
      d.state := 'sent';
    end if;
    code := case d.state when 'sent' then 'sent' else 'ok' end;
  elsif d.state = 'pending' then
    update work.delivery p set state = 'sending', fence = p_attempt, total = p_total where p.id = d.id;
    code := 'ok';
  elsif d.state = 'sending' and d.fence <> p_attempt then
    update work.delivery p set state = 'uncertain', doubtful = p.doubtful + 1 where p.id = d.id;
    code := 'uncertain';
  else
    code := case d.state when 'sending' then 'ok' when 'undeliverable' then 'gone' else d.state::text end;
  end if;
  id := d.id;
  parts := d.parts;
end
$$;

-- Telegram has confirmed a message; the last one ends the post, after any other it is `pending` until the next one
-- begins. False: it is no longer this attempt's, so send no more. Who was thought dead and has sent after all is believed.
create function work.note_post(p_id bigint, p_attempt int, p_message bigint, p_ref text) returns boolean
language plpgsql security definer as $$
declare
  d work.delivery;
  whole boolean;
begin
  select p.* into d from work.delivery p where p.id = p_id for no key update;
  if d.fence is distinct from p_attempt or d.state not in ('sending', 'uncertain') then
    return false;
  end if;
  whole := cardinality(d.parts) + 1 >= d.total;
  update work.delivery p
     set parts = p.parts || p_message, reason = null,
         state = case when whole then 'sent' when d.state = 'sending' then 'pending' else d.state::text end::work.delivery_state,
         message_ref = case when whole then p_ref end, ended_at = case when whole then clock_timestamp() end
   where p.id = p_id;
  return whole or d.state = 'sending';
end
$$;

-- What became of a send that was not confirmed: pending (refused for now), undeliverable (refused), uncertain.
create function work.leave_post(p_id bigint, p_attempt int, p_state text, p_reason text) returns boolean
language sql security definer as $$
  with told as (
    update work.delivery d
       set state = p_state::work.delivery_state, reason = p_reason,
           doubtful = d.doubtful + (p_state = 'uncertain')::int,
           ended_at = case when p_state = 'undeliverable' then clock_timestamp() end
     where d.id = p_id and d.fence = p_attempt and d.state = 'sending'
       and p_state in ('pending', 'undeliverable', 'uncertain') returning 1)
  select exists (select 1 from told)
$$;

-- How the post of an ended job stands. A job that its house or its user has ended in the middle of a send leaves a post
-- that nobody knows about; between two messages, one that is not going to be whole.
create function work.settle_posts(p_job uuid) returns int language sql security definer as $$
  with stranded as (
    update work.delivery d
       set state = case d.state when 'sending' then 'uncertain' else 'undeliverable' end::work.delivery_state,
           doubtful = d.doubtful + (d.state = 'sending')::int,
           reason = coalesce(d.reason, 'its job has ended'),
           ended_at = case when d.state = 'pending' then clock_timestamp() end
      from work.job j
     where d.state in ('pending', 'sending') and d.due_at is null and j.id = d.job_id and j.state > 'remote'
       and (p_job is null or d.job_id = p_job) returning 1)
  select count(*)::int from stranded
$$;
create index delivery_posting on work.delivery (job_id) where state in ('pending', 'sending') and due_at is null;

create function work.settle_post(p_job uuid) returns table (state text, message_ref text)
language plpgsql security definer as $$
#variable_conflict use_column
begin
  perform work.settle_posts(p_job);
  return query select d.state::text, d.message_ref from work.delivery d
                where d.job_id = p_job and d.target like 'tgc:%';
end
$$;

-- Its owner has looked. Codes: done; again (the job is to be submitted once more, as its replay, and sends what is still
-- missing); missing (nobody has asked). The first word counts: said again it gets the same answer.
create function work.resolve_post(p_job uuid, p_user bigint, p_there boolean) returns text
language plpgsql security definer as $$
declare
  d work.delivery;
begin
  select p.* into d from work.delivery p join work.job j on j.id = p.job_id
   where p.job_id = p_job and j.user_id = p_user and p.target like 'tgc:%' for no key update of p;
  if d.id is null or (d.state <> 'uncertain' and coalesce(d.reason, '') not in ('seen', 'not seen')) then
    return 'missing';
  elsif d.state <> 'uncertain' then
    return case d.state when 'sent' then 'done' else 'again' end;
  end if;
  if p_there then
    d.parts := d.parts || 0::bigint;
  end if;
  update work.delivery p
     set parts = d.parts, ended_at = clock_timestamp(),
         state = case when cardinality(d.parts) >= d.total then 'sent' else 'undeliverable' end::work.delivery_state,
         reason = case when p_there then 'seen' else 'not seen' end
   where p.id = d.id;
  return case when cardinality(d.parts) >= d.total then 'done' else 'again' end;
end
$$;

grant execute on function
  work.begin_post(uuid, int, text, int), work.note_post(bigint, int, bigint, text),
  work.leave_post(bigint, int, text, text), work.settle_post(uuid), work.settle_posts(uuid),
  work.resolve_post(uuid, bigint, boolean)
  to leyden_app;
