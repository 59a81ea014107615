-- Questions about payments, asked in the chat in answer to one of our messages, and what the house answers. They cost nothing.
-- Words on either side are encrypted under the key of who asked.
create table app.support_question (
  id uuid primary key,                           -- derived from the update: the same one asks once
  user_id bigint not null references app.user_account,
  bot_id bigint not null,                        -- where the answer is told
  message_id bigint,                             -- what it answers
  key_version smallint not null,
  words bytea not null,
  asked_at timestamptz not null default clock_timestamp(),
  answer bytea,
  answered_by text,
  answered_at timestamptz,
  told_at timestamptz,
  check ((answer is null) = (answered_at is null)),
  check (told_at is null or answered_at is not null)
);
create index support_question_open on app.support_question (asked_at) where answered_at is null;
create index support_question_untold on app.support_question (answered_at) where answered_at is not null and told_at is null;
create index support_question_user on app.support_question (user_id, asked_at desc);

-- Messages of ours to which a reply is such a question, whatever language they were said in and however they are worded now.
create table app.support_message (
  bot_id bigint not null,
  chat_id bigint not null,
  message_id bigint not null,
  user_id bigint not null references app.user_account,
  said_at timestamptz not null default clock_timestamp(),
  primary key (bot_id, chat_id, message_id)
);
create index support_message_user on app.support_message (user_id, said_at);

grant select, insert, update, delete on app.support_question, app.support_message to leyden_app;
