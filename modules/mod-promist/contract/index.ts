export * from './gen/mod/promist/v1/contacts_pb.js';
export * from './gen/mod/promist/v1/events_pb.js';
export * from './gen/mod/promist/v1/notifications_pb.js';
export * from './gen/mod/promist/v1/promises_pb.js';
