-- Bonuses that are promised and held back until somebody has shown to be a person: for a newcomer and who invited them, and
-- for joining our channel. One of each for an account, ever. The credits themselves are the ledger's, under derived ids.

create table app.invitation (
  user_id bigint primary key references app.user_account,
  code text not null unique check (code ~ '^[A-Za-z0-9_-]{8,40}$'),
  made_at timestamptz not null default clock_timestamp()
);

-- `user_id` is whose work the bonus waits for. `inviter` outlives the one it names: a number that leads to nobody then.
create table app.promise (
  user_id bigint not null references app.user_account,
  name text not null check (name in ('referral', 'joined')),
  inviter bigint check ((inviter is not null) = (name = 'referral') and inviter <> user_id),
  bot_id bigint not null,                              -- where they are told
  made_at timestamptz not null default clock_timestamp(),
  looked_at timestamptz not null default clock_timestamp(),
  given_at timestamptz,
  primary key (user_id, name)
);
create index promise_open on app.promise (looked_at) where given_at is null;
create index promise_inviter on app.promise (inviter) where inviter is not null;

grant select, insert, update, delete on app.invitation, app.promise to leyden_app;

-- Codes: ok, unknown, self, known (bound before), old (not a new person), full (the inviter has enough of them). Whoever
-- invited is the older account, so two new ones cannot invite each other; their row is locked, so `full` is exact.
create function app.bind_referral(p_user bigint, p_code text, p_bot_id bigint, p_new_s float8, p_max int) returns text
language plpgsql security definer as $$
declare
  host record;
begin
  select i.user_id, a.created_at into host
    from app.invitation i join app.user_account a on a.id = i.user_id
   where i.code = p_code and a.status = 'active' for no key update of i;
  if not found then
    return 'unknown';
  elsif host.user_id = p_user then
    return 'self';
  elsif exists (select from app.promise p where p.user_id = p_user and p.name = 'referral') then
    return 'known';
  elsif not exists (select from app.user_account a
                     where a.id = p_user and a.status = 'active' and not a.returned and a.created_at > host.created_at
                       and a.created_at > clock_timestamp() - make_interval(secs => p_new_s))
     or exists (select from work.job j where j.user_id = p_user) then
    return 'old';
  elsif (select count(*) from app.promise p where p.inviter = host.user_id) >= p_max then
    return 'full';
  end if;
  insert into app.promise (user_id, name, inviter, bot_id) values (p_user, 'referral', host.user_id, p_bot_id)
    on conflict (user_id, name) do nothing;
  return case when found then 'ok' else 'known' end;
end
$$;

-- Has this person bought something that was not given back, or paid for so many jobs?
create function app.has_shown(p_user bigint, p_jobs int) returns boolean language sql stable security definer as $$
  select exists (select from app.user_account a where a.id = p_user and a.status = 'active')
     and (exists (select from ledger.purchase p where p.owner = p_user and p.state = 'paid')
          or p_jobs <= (select count(*) from (select from work.job j
                                               where j.user_id = p_user and j.state = 'succeeded' and j.captured > 0
                                               limit p_jobs) done))
$$;

-- The promises that nobody has looked at for longest; `due`: what they waited for has come. Who dies after this looks again
-- when the others have had their turn.
create function app.look_at_promises(p_jobs_referral int, p_jobs_joined int, p_limit int)
returns table (user_id bigint, name text, inviter bigint, bot_id bigint, due boolean) language sql security definer as $$
  with next as (
    select p.user_id, p.name from app.promise p where p.given_at is null
     order by p.looked_at limit p_limit for no key update skip locked)
  update app.promise p set looked_at = clock_timestamp() from next n
   where p.user_id = n.user_id and p.name = n.name
  returning p.user_id, p.name, p.inviter, p.bot_id,
            app.has_shown(p.user_id, case p.name when 'referral' then p_jobs_referral else p_jobs_joined end)
$$;

grant execute on function app.bind_referral, app.look_at_promises to leyden_app;
