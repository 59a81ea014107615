-- The message in a chat that shows how a job is doing. It becomes the answer, or is removed when the answer is there.
create table app.card (
  job_id uuid primary key,
  user_id bigint not null references app.user_account,
  bot text not null,
  chat_id bigint not null,
  message_id bigint not null,
  language text not null,
  draft_id int not null check (draft_id > 0),
  created_at timestamptz not null default clock_timestamp()
);
create index card_draft on app.card (bot, chat_id, draft_id);
create index card_user on app.card (user_id);
grant select, delete on app.card to leyden_app;

-- False: the answer has begun to be sent without this card. The row is written first and the delivery read afterwards,
-- while a delivery is taken first and its card read afterwards: one of the two always sees the other.
create function app.add_card(p_job uuid, p_bot text, p_chat bigint, p_message bigint, p_language text, p_draft int)
returns boolean language plpgsql security definer as $$
begin
  insert into app.card (job_id, user_id, bot, chat_id, message_id, language, draft_id)
  select p_job, j.user_id, p_bot, p_chat, p_message, p_language, p_draft from work.job j where j.id = p_job
      on conflict (job_id) do update
     set bot = excluded.bot, chat_id = excluded.chat_id, message_id = excluded.message_id,
         language = excluded.language, draft_id = excluded.draft_id;
  if not found or exists (select 1 from work.delivery d where d.job_id = p_job and d.fence > 0
                                                           and d.target not like 'tgc:%') then
    delete from app.card c where c.job_id = p_job;
    return false;
  end if;
  return true;
end
$$;
grant execute on function app.add_card to leyden_app;
