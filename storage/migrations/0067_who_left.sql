-- Gifts of a first day are given to a person once, also to one who was erased in between. What is kept of who has left is
-- a keyed hash of each outside name: it can be compared with the name of somebody who comes, and be read by nobody.
create table app.left_mark (
  mark bytea primary key check (octet_length(mark) = 32),
  kept_at timestamptz not null default clock_timestamp()
);

-- This account was made for somebody who had been erased before: no gifts for newcomers.
alter table app.user_account add column returned boolean not null default false;

-- Before the names are deleted. Asked again it changes nothing.
create function app.keep_marks(p_user bigint, p_marks bytea[]) returns void language plpgsql security definer as $$
begin
  if exists (select from app.user_account a where a.id = p_user and a.status = 'erasing') then
    insert into app.left_mark (mark) select m from unnest(p_marks) m on conflict (mark) do nothing;
  end if;
end
$$;

-- `app.ensure_user`, which knows who has left. `p_marks`: of the name, under each master key in use. Whoever finds the name
-- gone finds its mark: it was committed before.
create function app.ensure_person(
  p_user bigint, p_provider text, p_external_id text, p_language text,
  p_key_version smallint, p_wrapped_key bytea,
  p_plan text, p_limit_bytes bigint, p_caps smallint[], p_waiting_max int,
  p_op uuid[], p_cur smallint[], p_amount bigint[], p_kind text[], p_marks bytea[]
) returns table (user_id bigint, created boolean) language plpgsql security definer as $$
#variable_conflict use_column
declare
  returns_now boolean := exists (select from app.left_mark l where l.mark = any (p_marks));
begin
  if not returns_now then
    return query select e.user_id, e.created
      from app.ensure_user(p_user, p_provider, p_external_id, p_language, p_key_version, p_wrapped_key, p_plan,
             p_limit_bytes, p_caps, p_waiting_max, p_op, p_cur, p_amount, p_kind) e;
    return;
  end if;
  select e.user_id, e.created into user_id, created
    from app.ensure_user(p_user, p_provider, p_external_id, p_language, p_key_version, p_wrapped_key, p_plan,
           p_limit_bytes, p_caps, p_waiting_max, '{}', '{}', '{}', '{}') e;
  if created then
    update app.user_account a set returned = true where a.id = p_user;
    perform ledger.lock_wallets(p_user, p_cur);      -- the wallets that the grants would have made, empty
  end if;
  return next;
end
$$;

grant execute on function app.keep_marks, app.ensure_person to leyden_app;
