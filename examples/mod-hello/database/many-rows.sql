-- Rows for the test of how lists grow, of several orgs: test.org among them.
insert into mod_hello_greetings (org_id, author_id, text, language, create_time)
select case when n % 100 = 0 then current_setting('test.org')::uuid else md5('org' || n % 200)::uuid end, current_setting('test.account')::uuid, 'Greeting ' || n, (array['en', 'de', 'fr'])[n % 3 + 1], now() - n * interval '1 minute'
from generate_series(1, 100000) n;
