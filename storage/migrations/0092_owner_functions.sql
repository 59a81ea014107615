-- A function that runs as its owner must not look where its caller says: a temporary type of the caller's has the right of
-- way over a built-in one, and the check of a type is code. `leyden migrate` gives every such function a search path of its
-- own; here is only the look, as before and with that.
create or replace function ledger.rights_too_wide(p_role name) returns table (what text) language sql stable as $$
  select format('%s may %s ledger.%s', p_role, lower(r), c.relname)
    from pg_class c, unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r
   where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p') and has_table_privilege(p_role, c.oid, r)
  union all
  select format('%s may call %s', p_role, p.oid::regprocedure)
    from pg_proc p
   where p.pronamespace = 'ledger'::regnamespace and not p.prosecdef and p.provolatile = 'v'
     and p.prorettype <> 'trigger'::regtype and has_function_privilege(p_role, p.oid, 'EXECUTE')
  union all
  select format('%s may create objects in schema %s', p_role, n.nspname)
    from pg_namespace n
   where n.nspname in ('ledger', 'work', 'app', 'public') and has_schema_privilege(p_role, n.oid, 'CREATE')
  union all
  select format('%s runs as its owner and looks where its caller says', p.oid::regprocedure)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('ledger', 'work', 'app') and p.prosecdef
     and ('search_path=pg_catalog, pg_temp' = any (p.proconfig)) is not true
  union all
  select format('%s is a superuser', p_role) from pg_roles r where r.rolname = p_role and r.rolsuper
  union all
  select format('the append-only trigger %s is off', w.name)
    from unnest(array['transfer_append_only', 'rate_append_only', 'price_list_append_only']) w (name)
   where not exists (select from pg_trigger t join pg_class c on c.oid = t.tgrelid
                      where t.tgname = w.name and c.relnamespace = 'ledger'::regnamespace and t.tgenabled in ('O', 'A'))
$$;
