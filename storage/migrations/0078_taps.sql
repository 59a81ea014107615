-- Which update has done what a button does once: another tap is told so, the same one handled again goes on.
create table app.tap (
  user_id bigint not null references app.user_account,
  what text not null,              -- the key of what it does
  update_key text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (user_id, what)
);
grant select, insert, update, delete on app.tap to leyden_app;

-- Wishes that wait for a job are followed by any number of processes, each wish by one at a time: it may speak.
alter table app.wish add column taken_until timestamptz;
