-- Several wishes may stand for one request: by the model of its choice or by a cheaper one. `key` is what that request was asked
-- under, so whichever of them runs, and however often, it is one job. Null: the wish is a request of its own.
alter table app.wish add column key text;
create index wish_together on app.wish (user_id, key) where key is not null and job_id is null;

-- Which job an update has chosen to end: handled again, it chooses no other.
create table app.chosen_job (
  user_id bigint not null references app.user_account,
  key text not null,
  job_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  primary key (user_id, key)
);
grant select, insert, delete on app.chosen_job to leyden_app;
