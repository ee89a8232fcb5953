export * from './gen/sys/gateway/v1/gateway_pb.js';
