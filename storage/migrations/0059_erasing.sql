-- Erasing a person: refuse what is new, wait for what runs, then destroy the key and everything that names the person.
--
-- The ledger and the rows of jobs stay for ever, under an internal number that leads to nobody any more. A job of the
-- person that still succeeds is not charged: see `succeed`.

-- From here on nothing new is accepted. False: there is no such person, or it has been done before.
create function app.begin_erasing(p_user bigint) returns boolean language plpgsql security definer as $$
begin
  update app.user_account a set status = 'erasing' where a.id = p_user and a.status in ('active', 'suspended');
  if not found then
    return false;
  end if;
  update work.member m set closed = 'closed' where m.user_id = p_user;
  return true;
end
$$;

-- Ends it, unless a job is still unfinished. Codes: ok, busy, not_erasing. `blobs` are files to delete afterwards: without
-- the key they are noise already.
--
-- Every row of this schema that carries a user_id is the person's, in tables that do not exist yet as well, apart from the
-- orders and payments: those are accounts, and what they know of the person is emptied.
create function app.finish_erasing(p_user bigint, out code text, out blobs text[])
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

create index user_erasing on app.user_account (id) where status = 'erasing';
grant execute on function app.begin_erasing, app.finish_erasing to leyden_app;
