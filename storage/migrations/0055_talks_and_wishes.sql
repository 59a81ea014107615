-- What the bots remember: conversations, and wishes that wait for a word of their person. Encrypted like all content.

-- One conversation at a time for a person in a chat with a bot. `mode` is what a plain text means there.
create table app.talk (
  user_id bigint not null references app.user_account,
  bot text not null,
  chat_id bigint not null,
  began_at timestamptz not null default clock_timestamp(),
  mode text not null default '',
  primary key (user_id, bot, chat_id)
);

-- What the person said; the answer is the result of the job that it became.
create table app.talk_turn (
  job_id uuid primary key,
  user_id bigint not null references app.user_account,
  bot text not null,
  chat_id bigint not null,
  said_at timestamptz not null default clock_timestamp(),
  key_version smallint not null,
  said bytea not null
);
create index talk_turn_recent on app.talk_turn (user_id, bot, chat_id, said_at desc);

create table app.wish (
  id uuid primary key,
  user_id bigint not null references app.user_account,
  bot text not null,
  chat_id bigint not null,
  reply_to bigint,
  app smallint not null,
  kind text not null,
  why text not null,
  key_version smallint not null,
  input bytea not null,
  after_job uuid,                  -- runs when this job has ended, on what it made
  job_id uuid,                     -- what it has become
  dropped_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
create index wish_unpaid on app.wish (user_id, created_at desc) where job_id is null;
create index wish_next on app.wish (after_job) where after_job is not null and job_id is null and dropped_at is null;
create index wish_age on app.wish (created_at);

grant select, insert, update, delete on app.talk, app.talk_turn, app.wish to leyden_app;
