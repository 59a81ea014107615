-- Cards are kept true in turn: whoever was looked at longest ago comes next. `said` is a digest of what a card shows, so
-- that nothing is said again after another process has taken over. Both are only for show.
alter table app.card
  add column looked_at timestamptz,
  add column said bigint;
grant update (looked_at, said) on app.card to leyden_app;

drop function app.add_card(uuid, text, bigint, bigint, text, int);
create function app.add_card(p_job uuid, p_bot text, p_chat bigint, p_message bigint, p_language text, p_draft int,
                             p_said bigint default null)
returns boolean language plpgsql security definer as $$
begin
  insert into app.card (job_id, user_id, bot, chat_id, message_id, language, draft_id, said)
  select p_job, j.user_id, p_bot, p_chat, p_message, p_language, p_draft, p_said from work.job j where j.id = p_job
      on conflict (job_id) do update
     set bot = excluded.bot, chat_id = excluded.chat_id, message_id = excluded.message_id,
         language = excluded.language, draft_id = excluded.draft_id, said = excluded.said;
  if not found or exists (select 1 from work.delivery d where d.job_id = p_job and d.fence > 0
                                                           and d.target not like 'tgc:%') then
    delete from app.card c where c.job_id = p_job;
    return false;
  end if;
  return true;
end
$$;
grant execute on function app.add_card(uuid, text, bigint, bigint, text, int, bigint) to leyden_app;

-- The messages of a delivery besides its `parts`, which hold one of each part: the rest of its albums. All of them are
-- needed when a person wants the result gone.
alter table work.delivery add column others bigint[] not null default '{}';

create function work.note_messages(p_id bigint, p_fence int, p_message bigint, p_others bigint[]) returns boolean
language sql security definer as $$
  with noted as (
    update work.delivery d set parts = d.parts || p_message, others = d.others || p_others
     where d.id = p_id and d.fence = p_fence and d.state = 'sending' returning 1)
  select exists (select 1 from noted)
$$;
grant execute on function work.note_messages(bigint, int, bigint, bigint[]) to leyden_app;
