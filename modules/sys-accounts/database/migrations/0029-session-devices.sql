-- What the device said that it is called, such as "Firefox on Linux".
alter table sys_accounts_sessions add column device_name text not null default '';
