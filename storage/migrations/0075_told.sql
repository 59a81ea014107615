-- When a person was told that an update of theirs was set aside: once, also when it is replayed and fails again.
alter table app.inbox add column told_at timestamptz;
