-- Blocks are forgotten like the payloads they were about: a class and a score say nothing once nobody asks.
create index moderation_age on work.moderation using brin (at) with (pages_per_range = 16);

create function work.forget_blocks(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  done int;
begin
  with old as (select m.job_id from work.moderation m where m.at < p_before limit p_limit)
  delete from work.moderation m using old where m.job_id = old.job_id;
  get diagnostics done = row_count;
  return done;
end
$$;

-- The mark of who has been given a late result is only needed while one may still come.
create function work.forget_gifts(p_before timestamptz, p_limit int) returns int
language plpgsql security definer as $$
declare
  done int;
begin
  with old as (select g.job_id from work.gift g where g.at < p_before limit p_limit)
  delete from work.gift g using old where g.job_id = old.job_id;
  get diagnostics done = row_count;
  return done;
end
$$;

grant execute on function work.forget_blocks(timestamptz, int), work.forget_gifts(timestamptz, int) to leyden_app;

-- The journal has had functions of its own since 0040.
drop function work.intend(uuid, uuid, int, text, text);
drop function work.bought(uuid, uuid, int, text);
drop function work.settle_call(uuid, uuid, int, text, bigint, boolean);
