-- What each step of a saga wrote.
create table mod_traveler_deeds (
  id bigint generated always as identity primary key,
  text text not null
);
