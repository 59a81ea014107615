-- Three rooms: work (jobs), ledger (money), app (people and their things).
-- The application logs in as a member of leyden_app: it may call the functions and read, nothing else moves
-- a job or a credit. Only migrations act as the owner.
do $$
begin
  if not exists (select 1 from pg_roles where rolname = 'leyden_app') then
    create role leyden_app nologin;
  end if;
exception when duplicate_object or unique_violation then
  null;  -- roles belong to the whole server: another database of it was migrated at the same moment
end
$$;

do $$
begin
  execute format('grant leyden_app to %I', current_user);
exception when others then
  if not pg_has_role(current_user, 'leyden_app', 'member') then
    raise;  -- granted by a twin in the meantime is fine, not granted at all is not
  end if;
end
$$;

create schema work;
create schema ledger;
create schema app;

revoke all on schema work, ledger, app from public;
grant usage on schema work, ledger, app to leyden_app;
grant usage on schema public to leyden_app;

-- Functions are callable by nobody until a migration grants them.
alter default privileges in schema work revoke execute on functions from public;
alter default privileges revoke execute on functions from public;
