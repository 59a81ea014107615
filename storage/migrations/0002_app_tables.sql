-- People and their things. Everything a person wrote or was given is encrypted with that person's own key:
-- destroying the key is what erasing a person means.

create sequence app.user_id as bigint cache 1;

create type app.user_status as enum ('active', 'suspended', 'erasing', 'erased');

create table app.user_account (
  id bigint primary key,
  status app.user_status not null default 'active',
  plan text not null default 'FREE' check (plan in ('FREE', 'PRO', 'ENTERPRISE')),
  language text not null default 'en',
  time_zone text not null default 'UTC',
  key_version smallint not null default 1,
  wrapped_key bytea,                       -- null once destroyed
  created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 90);

-- One person, many names: telegram 4711, penora "user123". Erasing deletes these rows, never the ledger's.
create table app.identity (
  provider text not null,
  external_id text not null,
  user_id bigint not null references app.user_account,
  created_at timestamptz not null default clock_timestamp(),
  primary key (provider, external_id)
);
create index identity_user on app.identity (user_id);

-- The workspace counter: one row a person, changed in the statement that saves or deletes.
create table app.workspace (
  user_id bigint primary key references app.user_account,
  used_bytes bigint not null default 0 check (used_bytes >= 0),
  limit_bytes bigint not null check (limit_bytes >= 0)
) with (fillfactor = 70);

-- Identical content is stored, and counted, once per person.
create table app.content (
  user_id bigint not null references app.user_account,
  sha256 bytea not null check (octet_length(sha256) = 32),
  key_version smallint not null,
  body bytea not null,
  size_bytes bigint not null check (size_bytes >= 0),
  primary key (user_id, sha256)
);

create table app.project (
  code text primary key check (code ~ '^[A-HJ-NP-Z2-9]{6}$'),
  user_id bigint not null references app.user_account,
  app smallint not null,
  type text not null check (type in ('text', 'image', 'ai_art', 'video')),
  job_id uuid,
  key_version smallint not null,
  title bytea not null,
  metadata bytea not null,
  sha256 bytea not null,
  size_bytes bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (user_id, sha256) references app.content
);
create index project_user on app.project (user_id, created_at desc, code);
create index project_content on app.project (user_id, sha256);
create unique index project_job on app.project (job_id) where job_id is not null;

-- Files that people send us: facts found by looking at the bytes, never from a name or a declared type.
create table app.file (
  id uuid primary key,
  user_id bigint not null references app.user_account,
  media_type text not null,
  size_bytes bigint not null check (size_bytes >= 0),
  sha256 bytea not null,
  width int,
  height int,
  frames int,
  pages int,
  blob_key text not null,
  key_version smallint not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);
create unique index file_once on app.file (user_id, sha256);
create index file_expiry on app.file (expires_at);

-- Outside events are a row before they are confirmed. A bad one is set aside and never blocks the rest.
create table app.inbox (
  id bigint generated always as identity primary key,
  source text not null,
  external_id text not null,
  body bytea not null,
  received_at timestamptz not null default clock_timestamp(),
  handled_at timestamptz,
  tries int not null default 0,
  outcome text,
  unique (source, external_id)
);
create index inbox_open on app.inbox (received_at) where handled_at is null;

grant select on all tables in schema app to leyden_app;
grant usage on sequence app.user_id to leyden_app;
grant insert, update on app.user_account, app.identity, app.workspace, app.content, app.project, app.file, app.inbox
  to leyden_app;
grant delete on app.identity, app.content, app.project, app.file, app.inbox to leyden_app;
