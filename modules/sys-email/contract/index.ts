export * from './gen/sys/email/v1/email_pb.js';
