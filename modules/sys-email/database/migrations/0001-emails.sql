-- E-mails on their way, and what became of them. They are the platform's: an e-mail may be about no org, and nobody but operators sees
-- them, so they are not under row-level security.
--
--            ┌─ the server will not have it now ─┐
--            ▼          or says nothing          │
--   ──▶ QUEUED ────────── claimed ────────▶ SENDING ── the server took it ──▶ SENT ──┐
--        │  ▲                                │ │ └──── no such address ──▶ BOUNCED ◀─┘ its server says so later
--        │  └───── sent again ───── FAILED ◀─┘ └─ the address is not sent to, ──▶ SUPPRESSED
--        │                             │          or its time is over         └─▶ EXPIRED
--        │                             └─ given up ─▶ DISCARDED
--        └─ claimed again: its process was killed, or stood still for longer than a claim lasts
--
-- SENDING is committed before the mail server is spoken to. A process that is killed after the server took an e-mail and before SENT
-- is committed leaves it SENDING: it is handed over once more, the same to the last byte and under the same Message-ID.
create table sys_email_emails (
  id uuid primary key,
  template text not null,
  -- Which of the versions of its text; 0 for the module's own.
  text_version integer not null,
  language text not null,
  sender text not null check (sender in ('LOGIN', 'SECURITY', 'ALERT', 'NOTIFICATION')),
  -- In the order in which they are sent.
  priority text not null check (priority in ('HIGH', 'LOW')),
  list text not null default '',
  recipient text not null,
  recipient_name text not null default '',
  -- What is filled in, sealed with a key that is derived from the deployment's secret; gone when it was sent or given up.
  sealed_values bytea,
  account_id uuid,
  org uuid,
  state text not null default 'QUEUED' check (state in ('QUEUED', 'SENDING', 'SENT', 'BOUNCED', 'SUPPRESSED', 'EXPIRED', 'FAILED', 'DISCARDED')),
  attempts integer not null default 0,
  next_try timestamptz(3) default clock_timestamp() check ((next_try is null) = (state not in ('QUEUED', 'SENDING'))),
  -- While a process hands it over; one that was killed does not say so, hence the time.
  claimed_until timestamptz(3) check ((claimed_until is null) = (state <> 'SENDING')),
  expire_time timestamptz(3),
  problem text not null default '',
  create_time timestamptz(3) not null default clock_timestamp(),
  end_time timestamptz(3)
);
create index sys_email_emails_due on sys_email_emails (priority, next_try, id) where next_try is not null;
create index sys_email_emails_next on sys_email_emails (next_try) where next_try is not null;
create index sys_email_emails_time on sys_email_emails (create_time, id);
create index sys_email_emails_state on sys_email_emails (state, create_time, id);
create index sys_email_emails_template on sys_email_emails (template, create_time, id);
create index sys_email_emails_template_parts on sys_email_emails using gin (template extensions.gin_trgm_ops);
create index sys_email_emails_account on sys_email_emails (account_id, create_time, id);
create index sys_email_emails_org on sys_email_emails (org, create_time, id);
create index sys_email_emails_recipient on sys_email_emails (lower(recipient), create_time);

-- Addresses that are not sent to.
create table sys_email_suppressions (
  id uuid primary key,
  address text not null,
  -- The subscription that was ended; empty for all e-mails.
  list text not null default '',
  reason text not null check (reason in ('BOUNCE', 'COMPLAINT', 'UNSUBSCRIBED', 'OPERATOR')),
  detail text not null default '',
  create_time timestamptz(3) not null default clock_timestamp(),
  unique (address, reason, list),
  check ((reason = 'UNSUBSCRIBED') = (list <> ''))
);
create index sys_email_suppressions_time on sys_email_suppressions (create_time, id);
create index sys_email_suppressions_address on sys_email_suppressions (address, create_time, id);
create index sys_email_suppressions_parts on sys_email_suppressions using gin (address extensions.gin_trgm_ops);
create index sys_email_suppressions_reason on sys_email_suppressions (reason, create_time, id);

-- What operators worded anew. Nothing is overwritten: the highest version counts.
create table sys_email_texts (
  template text not null,
  language text not null,
  version integer not null check (version > 0),
  -- Null where the module's own words count again.
  content jsonb,
  reason text not null,
  account_id uuid,
  create_time timestamptz(3) not null default clock_timestamp(),
  primary key (template, language, version)
);

-- The built-in mailbox of the phases D and T.
create table sys_email_mailbox (
  id uuid primary key,
  recipient text not null,
  template text not null,
  language text not null,
  sender text not null,
  message jsonb not null,
  create_time timestamptz(3) not null default clock_timestamp()
);
create index sys_email_mailbox_time on sys_email_mailbox (create_time, id);
create index sys_email_mailbox_recipient on sys_email_mailbox (recipient, create_time, id);
create index sys_email_mailbox_template_parts on sys_email_mailbox using gin (template extensions.gin_trgm_ops);
create index sys_email_mailbox_parts on sys_email_mailbox using gin (recipient extensions.gin_trgm_ops);
create index sys_email_mailbox_template on sys_email_mailbox (template, create_time, id);
