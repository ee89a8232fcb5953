export { everyTopology } from './every-topology.ts';
export { startDeployment, type TestDeployment, type DeploymentOptions } from './start-deployment.ts';
export { isSigned, startReceiver, type TakenWebhook } from './webhooks/webhook-receiver.ts';
