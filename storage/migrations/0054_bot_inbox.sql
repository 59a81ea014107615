-- Updates of bots in the inbox: handled in the order of their person, under a lease, by any number of processes.
alter table app.inbox
  add column who bigint,                            -- whose order it keeps: the sender, else the chat; null: nobody's
  add column number bigint not null default 0,      -- its place in that order
  add column album text,                            -- messages that belong together
  add column urgent boolean not null default false, -- waits for nothing: has to be answered within seconds
  add column due_at timestamptz,                    -- not before
  add column lease_token uuid,
  add column lease_until timestamptz;

create index inbox_order on app.inbox (source, who, number) where handled_at is null and who is not null;
create index inbox_person on app.inbox (who) where who is not null;

-- Takes the next updates that nobody works on, each the first open one of its person. An earlier one that is open, also
-- one that is being handled right now, holds back the later ones of the same person and nobody else's.
create function app.claim_updates(p_sources text[], p_urgent boolean, p_token uuid, p_lease_s double precision, p_limit int)
returns setof app.inbox language sql security definer as $$
  with next as (
    select i.id from app.inbox i
     where i.handled_at is null and i.source = any (p_sources) and i.urgent = p_urgent
       and (i.lease_until is null or i.lease_until < clock_timestamp())
       and (i.due_at is null or i.due_at <= clock_timestamp())
       and (p_urgent or i.who is null or not exists (
             select 1 from app.inbox e
              where e.handled_at is null and e.source = i.source and e.who = i.who and e.number < i.number
                and not e.urgent))
     order by i.received_at, i.number limit p_limit
       for update of i skip locked)
  update app.inbox i
     set lease_token = p_token, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
    from next where i.id = next.id
  returning i.*
$$;
grant execute on function app.claim_updates to leyden_app;

-- Who asks Telegram for the updates of a bot: one process, the others stand by.
create table app.poller (
  bot_id bigint primary key,
  holder uuid not null,
  until timestamptz not null
);
grant select, insert, update, delete on app.poller to leyden_app;
