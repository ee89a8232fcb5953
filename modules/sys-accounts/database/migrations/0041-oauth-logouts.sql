-- What the client of a session knows it by: the `sid` of its ID tokens.
alter table sys_accounts_sessions add column client_sid text;
