-- Telling people how their jobs ended. Only these functions move a delivery:
--
--   pending --take--> sending --> sent | undeliverable | uncertain
--      ^                 |
--      +----- again -----+      and back to `sending` by `take`, when whoever was sending is silent for a lease
--
-- `fence` rises with every take: whoever was replaced writes nothing any more. `parts` are the messages that Telegram has
-- confirmed, so that a delivery which is taken up again sends only the rest. `doubtful` counts the times that a message
-- may have been sent twice.
alter table work.delivery
  add column fence int not null default 0,
  add column parts bigint[] not null default '{}',
  add column total smallint,
  add column doubtful int not null default 0,
  add column reason text;

create function work.bot_of(p_target text) returns text
language sql immutable parallel safe as $$ select split_part(p_target, ':', 2) $$;

-- Due deliveries in chats of these bots, oldest first. An answer that is quicker than the card of its job waits for the
-- card a moment: it will be shown in it.
create function work.take_deliveries(p_bots text[], p_limit int, p_lease_s float8, p_card_wait_s float8)
returns table (id bigint, fence int, taken_over boolean, tries int, target text, parts bigint[], job_id uuid,
               user_id bigint, created_at timestamptz, save boolean, gift boolean, language text, telegram_id bigint)
language sql security definer as $$
  with due as (
    select d.id, d.state, d.created_at, j.user_id, j.save,
           exists (select 1 from work.gift g where g.job_id = j.id and g.at <= d.created_at) as gift
      from work.delivery d join work.job j on j.id = d.job_id
     where d.due_at <= clock_timestamp() and d.state in ('pending', 'sending')
       and d.target ~ '^tgi?:' and work.bot_of(d.target) = any (p_bots)
       and (d.fence > 0 or d.target like 'tgi:%' or exists (select 1 from app.card c where c.job_id = j.id)
            or j.created_at < clock_timestamp() - make_interval(secs => p_card_wait_s))
     order by d.due_at limit p_limit
       for no key update of d skip locked)
  update work.delivery d
     set state = 'sending', fence = d.fence + 1, tries = d.tries + 1,
         doubtful = d.doubtful + (due.state = 'sending')::int,
         due_at = clock_timestamp() + make_interval(secs => p_lease_s)
    from due where d.id = due.id
  returning d.id, d.fence, due.state = 'sending', d.tries, d.target, d.parts, d.job_id, due.user_id, due.created_at,
            due.save, due.gift, (select u.language from app.user_account u where u.id = due.user_id),
            (select i.external_id::bigint from app.identity i
              where i.user_id = due.user_id and i.provider = 'telegram' and i.external_id ~ '^[0-9]{1,18}$' limit 1)
$$;

-- Still at it. Answers those that are still ours.
create function work.renew_deliveries(p_id bigint[], p_fence int[], p_lease_s float8) returns setof bigint
language sql security definer as $$
  update work.delivery d set due_at = clock_timestamp() + make_interval(secs => p_lease_s)
    from unnest(p_id, p_fence) h(id, fence)
   where d.id = h.id and d.fence = h.fence and d.state = 'sending'
  returning d.id
$$;

-- Telegram has confirmed a message. False: somebody else has the delivery now.
create function work.note_part(p_id bigint, p_fence int, p_message bigint) returns boolean
language sql security definer as $$
  with noted as (
    update work.delivery d set parts = d.parts || p_message
     where d.id = p_id and d.fence = p_fence and d.state = 'sending' returning 1)
  select exists (select 1 from noted)
$$;

-- Later. `p_doubtful`: what was sent last may have arrived. A wait that is nobody's fault costs no try.
create function work.delay_delivery(p_id bigint, p_fence int, p_delay_s float8, p_counted boolean, p_doubtful boolean)
returns boolean language sql security definer as $$
  with delayed as (
    update work.delivery d
       set state = 'pending', due_at = clock_timestamp() + make_interval(secs => p_delay_s),
           tries = d.tries - (not p_counted)::int, doubtful = d.doubtful + p_doubtful::int
     where d.id = p_id and d.fence = p_fence and d.state = 'sending' returning 1)
  select exists (select 1 from delayed)
$$;

-- With its card, which has become the answer, or has nobody left to see it.
create function work.end_delivery(p_id bigint, p_fence int, p_state text, p_ref text, p_reason text) returns boolean
language sql security definer as $$
  with ended as (
    update work.delivery d
       set state = p_state::work.delivery_state, message_ref = coalesce(p_ref, d.message_ref), reason = p_reason,
           due_at = null, ended_at = clock_timestamp()
     where d.id = p_id and d.fence = p_fence and d.state = 'sending'
       and p_state in ('sent', 'uncertain', 'undeliverable') returning d.job_id),
  dropped as (
    delete from app.card c using ended e where c.job_id = e.job_id)
  select exists (select 1 from ended)
$$;

grant execute on function
  work.renew_deliveries(bigint[], int[], float8),
  work.take_deliveries(text[], int, float8, float8), work.note_part(bigint, int, bigint),
  work.delay_delivery(bigint, int, float8, boolean, boolean), work.end_delivery(bigint, int, text, text, text)
  to leyden_app;
