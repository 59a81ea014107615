-- Deleting a project gives its bytes back, in the same transaction that removes it.
--
-- The workspace row is locked before anything is looked at: a save of the same content, which changes that row too,
-- comes before or after and never in between, so shared content is neither dropped under a project nor kept for none.
create function app.delete_project(p_user bigint, p_code text)
returns table (code text, freed_bytes bigint, used_bytes bigint) language plpgsql security definer as $$
#variable_conflict use_column
declare
  room app.workspace;
  gone app.project;
  freed bigint := 0;
begin
  select * into room from app.workspace w where w.user_id = p_user for no key update;
  delete from app.project p where p.user_id = p_user and p.code = p_code returning p.* into gone;
  if gone.code is null then
    return query select 'missing', 0::bigint, coalesce(room.used_bytes, 0);
    return;
  end if;
  delete from app.content c
   where c.user_id = p_user and c.sha256 = gone.sha256
     and not exists (select 1 from app.project p where p.user_id = p_user and p.sha256 = gone.sha256)
  returning c.size_bytes into freed;
  freed := coalesce(freed, 0);
  update app.workspace w set used_bytes = greatest(0, w.used_bytes - freed) where w.user_id = p_user
  returning w.used_bytes into room.used_bytes;
  return query select 'ok', freed, room.used_bytes;
end
$$;

grant execute on function app.delete_project to leyden_app;
