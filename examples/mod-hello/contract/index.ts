export * from './gen/mod/hello/v1/hello_pb.js';
