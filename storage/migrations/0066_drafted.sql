-- Whether a live text was shown beside the card of a job: then its answer is a message of its own, which takes the place of
-- the live text at once, and the card goes.
alter table app.card add column drafted boolean not null default false;
grant update (drafted) on app.card to leyden_app;
