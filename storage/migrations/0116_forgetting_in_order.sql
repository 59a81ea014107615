-- Who forgets old jobs and who erases a person touch many jobs at once, also the same: both lock them by id now, as everybody
-- does, or each could have what the other waits for.

-- As before, but what is remembered comes before what the mark passes.
create or replace function work.forget_jobs(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  since uuid;
  upto uuid;
  remembered uuid[];
  done int := 0;
  again int := 0;
begin
  insert into work.retention_mark (name, mark) values ('jobs', '00000000-0000-0000-0000-000000000000')
    on conflict (name) do nothing;
  select m.mark into since from work.retention_mark m where m.name = 'jobs' for update;
  -- What is remembered is older than the mark: so it comes first, and all rows are locked by id.
  select array_agg(o.job_id) into remembered
    from (select u.job_id from work.unforgotten u order by u.asked_at limit p_limit) o;
  perform 1 from work.job j
   where j.id = any (remembered) and j.finished_at < p_before order by j.id for no key update;
  with asked as (
    select u.job_id, j.id is null or j.finished_at < p_before is true as over
      from unnest(remembered) u (job_id) left join work.job j on j.id = u.job_id),
  over as (
    delete from work.unforgotten u using asked a where u.job_id = a.job_id and a.over returning u.job_id),
  later as (
    update work.unforgotten u set asked_at = clock_timestamp() from asked a where u.job_id = a.job_id and not a.over),
  gone as (
    update work.job j set payload = null, result = null from over o where j.id = o.job_id)
  select count(*) into again from over;
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
    perform 1 from work.job j
     where j.id > since and j.id <= upto and j.finished_at < p_before order by j.id for no key update;
    update work.job j set payload = null, result = null
     where j.id > since and j.id <= upto and j.finished_at < p_before;
    update work.retention_mark m set mark = upto where m.name = 'jobs';
  end if;
  return coalesce(done, 0) + again;
end
$$;

-- As before, with the jobs locked by id.
create or replace function app.finish_erasing(p_user bigint, out code text, out blobs text[])
language plpgsql security definer as $$
declare
  room text;
begin
  perform 1 from app.user_account a where a.id = p_user and a.status = 'erasing' for update;
  if not found then
    code := 'not_erasing';
    return;
  elsif exists (select from work.job j where j.user_id = p_user
                 and j.state in ('waiting', 'queued', 'running', 'remote')) then
    code := 'busy';
    return;
  end if;
  select array_agg(f.blob_key) into blobs from app.file f where f.user_id = p_user;
  perform 1 from work.job j where j.user_id = p_user order by j.id for no key update;
  update work.job j set payload = null, result = null, reply = 'pull' where j.user_id = p_user;
  update work.delivery d set target = 'erased', message_ref = null, due_at = null,
         state = case when d.ended_at is null then 'undeliverable' else d.state end,
         ended_at = coalesce(d.ended_at, clock_timestamp())
    from work.job j where j.user_id = p_user and d.job_id = j.id and d.target not in ('pull', 'erased');
  update app.inbox i set who = null, body = ''
    from app.identity d
   where d.user_id = p_user and d.provider = 'telegram' and i.handled_at is not null
     and i.who = case when d.external_id ~ '^[0-9]{1,18}$' then d.external_id::bigint end;
  delete from app.project p where p.user_id = p_user;
  for room in
    select c.table_name from information_schema.columns c
      join information_schema.tables t using (table_schema, table_name)
     where c.table_schema = 'app' and c.column_name = 'user_id' and t.table_type = 'BASE TABLE'
       and c.table_name not in ('star_order', 'star_payment', 'workspace')
     order by c.table_name
  loop
    execute format('delete from app.%I where user_id = $1', room) using p_user;
  end loop;
  update app.star_payment s set payer = '' where s.user_id = p_user;
  update app.workspace w set used_bytes = 0 where w.user_id = p_user;
  update app.user_account a
     set status = 'erased', wrapped_key = null, language = 'en', time_zone = 'UTC' where a.id = p_user;
  perform ledger.set_status(p_user, 'closed');
  code := 'ok';
end
$$;
