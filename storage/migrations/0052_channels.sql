-- Channels that people have linked: each by its creator, or by an administrator who may post. A link is a claim that is
-- checked again before every post.
create table app.channel (
  id bigint generated always as identity primary key,
  user_id bigint not null references app.user_account,
  bot text not null,
  chat_id bigint not null check (chat_id < 0),
  title text not null,
  username text,
  state text not null default 'linked' check (state in ('linked', 'disabled')),
  reason text,                              -- why it is disabled
  checked_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  unique (user_id, bot, chat_id)
);
create index channel_chat on app.channel (bot, chat_id);
grant select, insert, update, delete on app.channel to leyden_app;

-- A group that becomes a supergroup gets another id; what was to be said in the old one is said in the new one.
create table app.chat_move (
  old_id bigint primary key,
  new_id bigint not null,
  at timestamptz not null default clock_timestamp()
);
grant select, insert, update on app.chat_move to leyden_app;
