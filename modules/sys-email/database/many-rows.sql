-- Rows for tests of how lists grow.
insert into sys_email_emails (id, template, text_version, language, sender, priority, recipient, account_id, org, state, next_try, create_time)
select uuidv7(), 'mod-many/template' || n % 30, 0, 'en', 'NOTIFICATION', case when n % 3 = 0 then 'HIGH' else 'LOW' end, 'person' || n % 5000 || '@acme.test', md5('account' || n % 997)::uuid, md5('org' || n % 200)::uuid,
  case when n % 500 = 0 then 'QUEUED' when n % 70 = 0 then 'FAILED' when n % 90 = 0 then 'BOUNCED' else 'SENT' end, case when n % 500 = 0 then now() + interval '1 year' end, now() + n * interval '1 second'
from generate_series(1, 100000) n;

insert into sys_email_suppressions (id, address, list, reason, create_time)
select uuidv7(), 'person' || n || '@acme.test', case when n % 3 = 0 then 'reminders' else '' end, case when n % 3 = 0 then 'UNSUBSCRIBED' when n % 3 = 1 then 'BOUNCE' else 'COMPLAINT' end, now() + n * interval '1 second'
from generate_series(1, 100000) n;

insert into sys_email_mailbox (id, recipient, template, language, sender, message, create_time)
select uuidv7(), 'person' || n % 5000 || '@acme.test', 'mod-many/template' || n % 30, 'en', 'NOTIFICATION', '{"to": "", "from": "", "subject": "", "headers": {}, "text": "", "html": ""}', now() + n * interval '1 second'
from generate_series(1, 100000) n;
