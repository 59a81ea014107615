-- A renewal belongs to a payment, not to an order: the link of a plan can be paid twice, and Telegram then renews both.
alter table app.star_payment
  add column subscribes boolean not null default false,    -- the first payment of a subscription that Telegram renews
  add column renewal_stopped_at timestamptz;               -- Telegram was told, or has told us, that it is not renewed

update app.star_payment p set subscribes = true, renewal_stopped_at = o.renewal_stopped_at
  from app.star_order o
 where o.id = p.order_id
   and p.id in (select distinct on (f.order_id) f.id from app.star_payment f
                 where f.recurring and f.state = 'credited' and f.order_id is not null order by f.order_id, f.at, f.id);

alter table app.star_order drop column renewal_stopped_at;

create index star_payment_renewal on app.star_payment (at) where subscribes and renewal_stopped_at is null;
create index star_payment_user on app.star_payment (user_id, at);
