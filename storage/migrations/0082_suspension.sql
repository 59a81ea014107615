-- A suspended person is suspended everywhere: the account says so, the wallets reserve nothing, and `submit` refuses jobs of
-- every price. Reopened in the same way. `closed` is for wallets and jobs; an account is only ever erased.
--
-- The account's row first, as erasing and plans take it, then wallets, then the member. Codes: ok, no_account, closed (being
-- erased, or erased: that is not taken back).
create function app.set_standing(p_user bigint, p_status ledger.account_status) returns text
language plpgsql security definer as $$
declare
  was app.user_status;
begin
  select a.status into was from app.user_account a where a.id = p_user for no key update;
  if was is null then
    return 'no_account';
  elsif was in ('erasing', 'erased') then
    return 'closed';
  end if;
  if p_status <> 'closed' then
    update app.user_account a set status = p_status::text::app.user_status where a.id = p_user;
  end if;
  perform ledger.set_status(p_user, p_status);
  update work.member m set closed = nullif(p_status::text, 'active') where m.user_id = p_user;
  return 'ok';
end
$$;

grant execute on function app.set_standing to leyden_app;
