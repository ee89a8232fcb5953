export { databaseNameOf, databasesOf, databaseVariable, findInstance, inOneProcess, peerVariable, type Instance, type Placement } from './placement.ts';
export { placementJsonSchema } from './placement-file.ts';
export { findPlacementFile, outlinePlacement, placementNames, providesGateway, readPlacement } from './read-placement.ts';
