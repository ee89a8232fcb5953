create table mod_clerk_pairs (
  id uuid primary key default uuidv7(),
  text text not null
);
