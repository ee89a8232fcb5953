export * from './gen/mod/parcels/v1/parcels_pb.js';
