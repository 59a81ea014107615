-- Told to wait in a chat, all that is due there waits its turn: one after the other, as often as may be spoken there. Who has
-- hundreds of answers due would otherwise have them all tried again in the same moment, before anybody else's.
create function work.delay_chat(p_id bigint, p_delay_s float8, p_each_s float8) returns int
language sql security definer as $$
  with mine as (
    select work.bot_of(m.target) as bot, split_part(m.target, ':', 3) as chat from work.delivery m where m.id = p_id),
  due as (
    select d.id, d.due_at from work.delivery d, mine
     where d.due_at <= clock_timestamp() and d.state = 'pending' and d.target like 'tg:%'
       and work.bot_of(d.target) = mine.bot and split_part(d.target, ':', 3) = mine.chat
       for no key update of d skip locked),
  line as (select due.id, row_number() over (order by due.due_at, due.id) as turn from due),
  delayed as (
    update work.delivery d
       set due_at = clock_timestamp() + make_interval(secs => p_delay_s + p_each_s * line.turn)
      from line where d.id = line.id returning 1)
  select count(*)::int from delayed
$$;
grant execute on function work.delay_chat(bigint, float8, float8) to leyden_app;
