-- Somebody does not agree that their request was blocked. The row holds the job, the class and the score; the request itself
-- stays where it was, and closed to everybody. One for each job, answered once, told once the bot can tell it.
create table app.appeal (
  job_id uuid primary key,
  user_id bigint not null references app.user_account,
  bot_id bigint not null,                        -- where the answer is told
  class text not null,
  score real not null,
  key_version smallint not null,
  word bytea,                                    -- what the person adds, if anything
  made_at timestamptz not null default clock_timestamp(),
  verdict text check (verdict in ('agreed', 'declined')),
  note bytea,                                    -- what the operator adds, if anything
  answered_by text,
  answered_at timestamptz,
  told_at timestamptz,
  check ((verdict is null) = (answered_at is null)),
  check (told_at is null or answered_at is not null)
);
create index appeal_open on app.appeal (made_at) where verdict is null;
create index appeal_untold on app.appeal (answered_at) where answered_at is not null and told_at is null;
create index appeal_user on app.appeal (user_id, made_at desc);

grant select, update, delete on app.appeal to leyden_app;

-- Codes: ok, known (made before), missing (no such job of theirs, or it was not blocked).
create function app.appeal_against(p_job uuid, p_user bigint, p_bot_id bigint, p_key_version smallint) returns text
language plpgsql security definer as $$
begin
  insert into app.appeal (job_id, user_id, bot_id, class, score, key_version)
    select m.job_id, p_user, p_bot_id, m.class, m.score, p_key_version
      from work.moderation m join work.job j on j.id = m.job_id
      join app.user_account a on a.id = j.user_id and a.status = 'active'
     where m.job_id = p_job and j.user_id = p_user and j.code = 'content_blocked'
    on conflict (job_id) do nothing;
  if found then
    return 'ok';
  end if;
  return case when exists (select from app.appeal p where p.job_id = p_job and p.user_id = p_user)
              then 'known' else 'missing' end;
end
$$;

grant execute on function app.appeal_against to leyden_app;
