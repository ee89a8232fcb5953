export * from './gen/sys/core/v1/audit_pb.js';
export * from './gen/sys/core/v1/dead_letters_pb.js';
export * from './gen/sys/core/v1/deployment_pb.js';
export * from './gen/sys/core/v1/events_pb.js';
export * from './gen/sys/core/v1/files_pb.js';
export * from './gen/sys/core/v1/modules_pb.js';
export * from './gen/sys/core/v1/sagas_pb.js';
export * from './gen/sys/core/v1/settings_pb.js';
