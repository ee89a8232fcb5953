-- A thousand rows of each service, with texts of 260 bytes; what is one service's is another's only by its id.
create function id_of(what text) returns uuid language sql immutable return overlay(overlay(md5(what) placing '4' from 13) placing '8' from 17)::uuid;

create table accounts as select id_of('a' || n) as id, repeat('a', 260) as text from generate_series(1, 1000) n;
create table promises as select id_of('r' || n) as id, repeat('r', 260) as text from generate_series(1, 1000) n;
create table journeys as select id_of('j' || n) as id, id_of('r' || n) as promise_id, id_of('a' || n) as account_id, repeat('j', 260) as text from generate_series(1, 1000) n;
create table parcels as select id_of('p' || n) as id, id_of('j' || n) as journey_id, repeat('p', 260) as text from generate_series(1, 1000) n;
alter table accounts add primary key (id);
alter table promises add primary key (id);
alter table journeys add primary key (id);
alter table parcels add primary key (id);
analyze;
