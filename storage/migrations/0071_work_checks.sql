-- The rules of a person's and of a job's row as one check each: what 0065 did for the ledger, for the two tables that every
-- step of every job writes to. As before a null part lets a row pass: only the column's NOT NULL refuses null.

create function work.is_sound_member(
  caps smallint[], waiting_max int, closed text, active int[], waiting int[], promised bigint, used int[]
) returns boolean language plpgsql immutable parallel safe as $$
begin
  return promised >= 0 and 0 <= all (active) and 0 <= all (waiting) and 0 <= all (used) and 0 < all (caps)
     and array_length(caps, 1) = 5 and waiting_max >= 0 and closed in ('suspended', 'closed');
end
$$;

create function work.is_sound_job(
  state work.state, due_at timestamptz, finished_at timestamptz, price bigint, captured bigint, app smallint,
  stream smallint, limit_s int
) returns boolean language plpgsql immutable parallel safe as $$
begin
  return (due_at is null) = (state > 'remote') and (finished_at is null) = (state <= 'remote')
     and price between 0 and 1000000000000 and captured between 0 and price and (captured = 0 or state = 'succeeded')
     and app between 1 and 4 and stream between 1 and 20 and limit_s > 0;
end
$$;

alter table work.member
  drop constraint member_caps_check, drop constraint member_waiting_max_check, drop constraint member_closed_check,
  drop constraint member_active_check, drop constraint member_waiting_check, drop constraint member_promised_check,
  drop constraint member_used_check,
  add constraint member_is_sound check (
    work.is_sound_member(caps, waiting_max, closed, active, waiting, promised, used));
alter table work.job
  drop constraint job_app_check, drop constraint job_stream_check, drop constraint job_limit_s_check,
  drop constraint job_price_check, drop constraint job_check, drop constraint job_check1, drop constraint job_check2,
  drop constraint job_check3,
  add constraint job_is_sound check (
    work.is_sound_job(state, due_at, finished_at, price, captured, app, stream, limit_s));
