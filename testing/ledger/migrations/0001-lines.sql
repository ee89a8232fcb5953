create table mod_ledger_lines (
  id uuid primary key default uuidv7(),
  text text not null
);
