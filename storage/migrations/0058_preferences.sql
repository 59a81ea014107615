-- What a person has chosen, and whose turn it is to do what is done once for everybody.

create table app.preference (
  user_id bigint primary key references app.user_account,
  facts jsonb not null default '{}',
  summary_on date,                          -- the last day, in the person's own zone, that was summed up
  changed_at timestamptz not null default clock_timestamp()
) with (fillfactor = 85);
create index preference_summary on app.preference (user_id) where (facts ->> 'daily_summary') = 'true';

-- A turn is taken by one process of the cluster and is over when `next_at` has come: who dies in his turn has had it.
create table app.turn (
  name text primary key,
  next_at timestamptz not null
);

grant select, insert, update on app.preference, app.turn to leyden_app;
grant delete on app.preference to leyden_app;

-- The day and the hour where a person lives; a zone that this server does not know is UTC.
create function app.local_time(p_zone text, p_at timestamptz) returns timestamp language plpgsql stable as $$
begin
  return p_at at time zone p_zone;
exception when invalid_parameter_value then
  return p_at at time zone 'UTC';
end
$$;

-- People who want to hear about yesterday, whose morning has come and who have not heard today. One call claims them: who
-- dies before sending leaves them without a summary for a day, which is better than two. Zones are as they are now: a
-- person who travels hears at most once for each date.
create function app.claim_summaries(p_hour int, p_limit int)
returns table (user_id bigint, day date) language sql security definer as $$
  with due as (
    select p.user_id, app.local_time(a.time_zone, clock_timestamp()) as local
      from app.preference p join app.user_account a on a.id = p.user_id
     where (p.facts ->> 'daily_summary') = 'true' and a.status = 'active'
       and extract(hour from app.local_time(a.time_zone, clock_timestamp())) >= p_hour
       and (p.summary_on is null or p.summary_on < app.local_time(a.time_zone, clock_timestamp())::date)
     limit p_limit for no key update of p skip locked)
  update app.preference p set summary_on = d.local::date from due d where p.user_id = d.user_id
  returning p.user_id, p.summary_on
$$;

grant execute on function app.local_time, app.claim_summaries to leyden_app;
