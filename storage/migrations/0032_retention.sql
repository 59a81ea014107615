-- What is forgotten, and when. The ledger never is.

create table work.retention_mark (
  name text primary key,
  mark uuid not null
);
grant select on work.retention_mark to leyden_app;

-- Job ids rise with time, so one mark says how far the forgetting has come and no index is needed. The mark stops at
-- the first job that has not ended long enough ago: a job that was scheduled far ahead is waited for.
create function work.forget_jobs(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  since uuid;
  upto uuid;
  done int := 0;
begin
  insert into work.retention_mark (name, mark) values ('jobs', '00000000-0000-0000-0000-000000000000')
    on conflict (name) do nothing;
  select m.mark into since from work.retention_mark m where m.name = 'jobs' for update;
  with batch as (
    select j.id, j.finished_at < p_before is true as old from work.job j
     where j.id > since order by j.id limit p_limit),
  prefix as (
    select b.id, bool_and(b.old) over (order by b.id) as old from batch b)
  select p.id, count(*) over () into upto, done from prefix p where p.old order by p.id desc limit 1;
  if upto is null then
    return 0;
  end if;
  update work.job j set payload = null, result = null where j.id > since and j.id <= upto;
  update work.retention_mark m set mark = upto where m.name = 'jobs';
  return done;
end
$$;

create index provider_call_age on work.provider_call using brin (intent_at) with (pages_per_range = 16);
create index inbox_age on app.inbox using brin (received_at) with (pages_per_range = 16);

create function work.forget_calls(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  done int;
begin
  with old as (
    select c.id from work.provider_call c
     where c.intent_at < p_before and c.outcome is not null limit p_limit)
  delete from work.provider_call c using old where c.id = old.id;
  get diagnostics done = row_count;
  return done;
end
$$;

grant execute on function work.forget_jobs, work.forget_calls to leyden_app;
