export * from './gen/sys/accounts/v1/accounts_pb.js';
export * from './gen/sys/accounts/v1/api_keys_pb.js';
export * from './gen/sys/accounts/v1/orgs_pb.js';
export * from './gen/sys/accounts/v1/roles_pb.js';
export * from './gen/sys/accounts/v1/sessions_pb.js';
export * from './gen/sys/accounts/v1/standing_pb.js';
