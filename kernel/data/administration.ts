/** What looks after a deployment's database from outside of its processes, as the server's administrator. */
export { connectionConfig, databaseOf, withClient, type AdminUrl } from './connection.ts';
export { migrate, readMigrations } from './migrate.ts';
export { identifier, literal, rolesOf, schemaOf } from './names.ts';
export { provision } from './provision.ts';
export { firstShardOf, formatSlots, slotOf, SLOTS, slotSql } from '../shards/slots.ts';
export { holdMoves } from '../shards/move-slots.ts';
export { prepareShardMap } from '../shards/shard-map.ts';
