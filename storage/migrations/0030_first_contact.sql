-- First contact: a person, a name, a key, a workspace, a place in the queue and the sign-up grants, or nothing of it.
--
-- Twins (two first messages at once) both come here. The unique name decides: the second waits for the first one's
-- commit, undoes its own account and answers the first one's person.
create function app.ensure_user(
  p_user bigint, p_provider text, p_external_id text, p_language text,
  p_key_version smallint, p_wrapped_key bytea,
  p_plan text, p_limit_bytes bigint, p_caps smallint[], p_waiting_max int,
  p_op uuid[], p_cur smallint[], p_amount bigint[], p_kind text[]
) returns table (user_id bigint, created boolean) language plpgsql security definer as $$
#variable_conflict use_column
declare
  granted ledger.result;
begin
  insert into app.user_account (id, plan, language, key_version, wrapped_key)
    values (p_user, p_plan, p_language, p_key_version, p_wrapped_key);
  insert into app.identity (provider, external_id, user_id) values (p_provider, p_external_id, p_user)
    on conflict (provider, external_id) do nothing;
  if not found then
    delete from app.user_account a where a.id = p_user;
    return query select i.user_id, false from app.identity i
                  where i.provider = p_provider and i.external_id = p_external_id;
    return;
  end if;
  insert into app.workspace (user_id, limit_bytes) values (p_user, p_limit_bytes);
  insert into work.member (user_id, caps, waiting_max) values (p_user, p_caps, p_waiting_max);
  for granted in
    select * from ledger.credit_all(p_op, array_fill(p_user, array[cardinality(p_op)]), p_cur, p_amount, p_kind,
                                    array_fill(null::timestamptz, array[cardinality(p_op)]), 'sign-up', 'system')
  loop
    if granted.code <> 'ok' then
      raise exception 'a sign-up grant was refused: %', granted.code using errcode = 'LG004';
    end if;
  end loop;
  return query select p_user, true;
end
$$;

grant execute on function app.ensure_user to leyden_app;
