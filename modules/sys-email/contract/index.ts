export * from './gen/sys/email/v1/email_pb.js';
export * from './gen/sys/email/v1/emails_pb.js';
export * from './gen/sys/email/v1/mailbox_pb.js';
export * from './gen/sys/email/v1/suppressions_pb.js';
export * from './gen/sys/email/v1/templates_pb.js';
