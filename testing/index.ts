export { emailsTo } from './emails-to.ts';
export { startMailServer, type TakenEmail } from './emails/mail-server.ts';
export { everyTopology } from './every-topology.ts';
export { startDeployment, type TestDeployment, type DeploymentOptions } from './start-deployment.ts';
export { until } from '@mainstay/kernel/testing';
export { isSigned, startReceiver, type TakenWebhook } from './webhooks/webhook-receiver.ts';
