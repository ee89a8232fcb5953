export * from './gen/mod/journeys/v1/journeys_pb.js';
