-- Forgetting does not wait for a job that is scheduled far ahead: the mark passes what has not ended long enough ago, and
-- remembers it. What is remembered is asked for again, longest unasked first, and forgotten in its own time.
--
-- The mark still stops at the first job that was accepted within the lifetime: what is remembered are only jobs that end, or
-- ended, longer after they were accepted.

create table work.unforgotten (
  job_id uuid primary key,
  asked_at timestamptz not null
);
create index unforgotten_asked on work.unforgotten (asked_at);
grant select on work.unforgotten to leyden_app;

-- How many the mark has passed, and how many of the remembered were forgotten; 0 when nothing is left to do now.
create or replace function work.forget_jobs(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  since uuid;
  upto uuid;
  done int := 0;
  again int := 0;
begin
  insert into work.retention_mark (name, mark) values ('jobs', '00000000-0000-0000-0000-000000000000')
    on conflict (name) do nothing;
  select m.mark into since from work.retention_mark m where m.name = 'jobs' for update;
  -- One that was accepted too lately stops the mark: all behind it are younger, give or take a clock.
  with batch as (
    select j.id, least(j.created_at, j.finished_at) < p_before as old from work.job j
     where j.id > since order by j.id limit p_limit),
  prefix as (
    select b.id, bool_and(b.old) over (order by b.id) as old from batch b)
  select p.id, count(*) over () into upto, done from prefix p where p.old order by p.id desc limit 1;
  if upto is not null then
    insert into work.unforgotten (job_id, asked_at)
      select j.id, clock_timestamp() from work.job j
       where j.id > since and j.id <= upto and (j.finished_at < p_before) is not true
      on conflict do nothing;
    update work.job j set payload = null, result = null
     where j.id > since and j.id <= upto and j.finished_at < p_before;
    update work.retention_mark m set mark = upto where m.name = 'jobs';
  end if;
  with asked as (
    select u.job_id, j.id is null or j.finished_at < p_before is true as over
      from work.unforgotten u left join work.job j on j.id = u.job_id order by u.asked_at limit p_limit),
  over as (
    delete from work.unforgotten u using asked a where u.job_id = a.job_id and a.over returning u.job_id),
  later as (
    update work.unforgotten u set asked_at = clock_timestamp() from asked a where u.job_id = a.job_id and not a.over),
  gone as (
    update work.job j set payload = null, result = null from over o where j.id = o.job_id)
  select count(*) into again from over;
  return coalesce(done, 0) + again;
end
$$;
