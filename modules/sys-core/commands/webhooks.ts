import { setTimeout as sleep } from 'node:timers/promises';
import { toJson, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { withEach, type CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { WebhookDelivery_Outcome as Outcome, WebhookDeliverySchema, WebhookEndpoint_State as State, WebhookEndpointSchema, WebhookEndpointSecretSchema, WebhooksService, type WebhookDelivery, type WebhookEndpoint } from '../contract/index.ts';

interface Where {
  org: string;
}
interface DeliveriesOptions extends Where {
  endpoint?: string;
  outcome?: string;
  filter: string;
  limit: number;
}

/** How long a test waits for the endpoint's answer, in milliseconds. */
const PATIENCE = 25_000;

/** Adds the commands by which other systems are told of events. */
export default function webhooks(group: Command, cli: CommandTools): void {
  group.description('Tell other systems of events, by HTTP.');
  const org = ['--org <id>', 'of this org; if absent, of the deployment, or for an administrator of an org of that org', ''] as const;
  group.command('events').summary('list the types of events that can be subscribed').action(() => events(cli));
  group.command('add <url>').summary('send events to an address; shows the secret, this once').argument('<event...>', 'full names of events, such as mod.promist.v1.PromiseMade').option(...org).option('--description <text>', 'what it is for', '')
    .action((url: string, eventTypes: string[], { org: orgId, description }: Where & { description: string }) => add(cli, { orgId, webhookEndpoint: { url, eventTypes, description } }));
  group.command('list').summary('list endpoints').option(...org).action((where: Where) => list(cli, where));
  group.command('show <endpoint>').summary('show an endpoint').action((id: string) => show(cli, id));
  group.command('enable <endpoint>').summary('let an endpoint be told of events again').action((id: string) => setState(cli, id, State.ENABLED));
  group.command('disable <endpoint>').summary('tell an endpoint of nothing more').action((id: string) => setState(cli, id, State.DISABLED));
  group.command('remove <endpoint...>').summary('remove endpoints with what was sent to them').action((ids: string[]) => remove(cli, ids));
  group.command('rotate <endpoint>').summary('give an endpoint another secret; shows it, this once').action((id: string) => rotate(cli, id));
  group.command('test <endpoint>').summary('send an event to try an endpoint, and show what it answers').action((id: string) => test(cli, id));
  group.command('deliveries').summary('list what was sent and what waits to be sent, the newest first').option(...org)
    .option('--endpoint <id>', 'only to this endpoint')
    .option('--outcome <outcome>', 'only those that are pending, delivered or failed', outcome)
    .option('--filter <filter>', 'which ones, such as \'create_time > "2026-11-30"\'', '')
    .option('--limit <count>', 'how many at most', count, 50)
    .action((options: DeliveriesOptions) => deliveries(cli, options));
  group.command('delivery <delivery>').summary('show a delivery with its tries').action((id: string) => delivery(cli, id));
  group.command('redeliver <delivery...>').summary('send deliveries again').action((ids: string[]) => redeliver(cli, ids));
}

const client = (cli: CommandTools) => cli.client(WebhooksService);
const timeOf = (time: Timestamp | undefined): string => (time ? timestampDate(time).toISOString() : '');

/** Prints a message as JSON if that is wanted; whether it did. */
function printedAsJson<M extends DescMessage>(cli: CommandTools, schema: M, message: MessageShape<M>): boolean {
  if (cli.json) cli.print(JSON.stringify(toJson(schema, message), null, 2));
  return cli.json;
}

async function events(cli: CommandTools): Promise<void> {
  const { eventTypes } = await (await client(cli)).listWebhookEventTypes({});
  cli.table(eventTypes.map(({ eventType, module }) => ({ event: eventType, module })));
}

async function add(cli: CommandTools, request: { orgId: string; webhookEndpoint: { url: string; eventTypes: string[]; description: string } }): Promise<void> {
  const made = await (await client(cli)).createWebhookEndpoint(request);
  if (printedAsJson(cli, WebhookEndpointSecretSchema, made)) return;
  cli.print(`events are sent to ${made.webhookEndpoint!.url}: endpoint ${made.webhookEndpoint!.webhookEndpointId}`);
  cli.print(`its secret, which is shown this once: ${made.secret}`);
}

async function list(cli: CommandTools, { org }: Where): Promise<void> {
  const { webhookEndpoints } = await (await client(cli)).listWebhookEndpoints({ orgId: org });
  if (webhookEndpoints.length === 0 && !cli.json) return cli.print('no endpoints');
  cli.table(webhookEndpoints.map(({ webhookEndpointId, url, state, eventTypes, failingSince, description }) => ({ id: webhookEndpointId, url, state: State[state].toLowerCase(), failing: timeOf(failingSince), events: eventTypes.join(' '), description })));
}

async function show(cli: CommandTools, webhookEndpointId: string): Promise<void> {
  shown(cli, await (await client(cli)).getWebhookEndpoint({ webhookEndpointId }));
}

async function setState(cli: CommandTools, webhookEndpointId: string, state: State): Promise<void> {
  shown(cli, await (await client(cli)).updateWebhookEndpoint({ webhookEndpointId, webhookEndpoint: { state }, updateMask: { paths: ['state'] } }));
}

function shown(cli: CommandTools, endpoint: WebhookEndpoint): void {
  if (printedAsJson(cli, WebhookEndpointSchema, endpoint)) return;
  const { url, orgId, state, disabledBecause, description, eventTypes, failingSince, previousSecretExpireTime } = endpoint;
  const facts = { address: url, 'events of': orgId || 'the deployment', state: State[state].toLowerCase() + (disabledBecause && `: ${disabledBecause}`), description, 'failing since': timeOf(failingSince), 'old secret until': timeOf(previousSecretExpireTime), events: eventTypes.join(' ') };
  for (const [fact, text] of Object.entries(facts)) if (text) cli.print(`${fact.padEnd(16)} ${text}`);
}

async function remove(cli: CommandTools, ids: readonly string[]): Promise<void> {
  const service = await client(cli);
  await withEach(cli, ids, (webhookEndpointId) => service.deleteWebhookEndpoint({ webhookEndpointId }), { result: 'webhookEndpointIds', line: (id) => `${id} removed`, done: 'removed' });
}

async function rotate(cli: CommandTools, webhookEndpointId: string): Promise<void> {
  const rotated = await (await client(cli)).rotateWebhookSecret({ webhookEndpointId });
  if (printedAsJson(cli, WebhookEndpointSecretSchema, rotated)) return;
  const until = timeOf(rotated.webhookEndpoint!.previousSecretExpireTime);
  cli.print(`its new secret, which is shown this once: ${rotated.secret}`);
  if (until) cli.print(`what is sent is signed with the old one, too, until ${until}`);
}

async function test(cli: CommandTools, webhookEndpointId: string): Promise<void> {
  const service = await client(cli);
  let sent = await service.testWebhookEndpoint({ webhookEndpointId });
  const { webhookDeliveryId } = sent;
  for (const until = Date.now() + PATIENCE; !sent.lastTry && Date.now() < until; await sleep(250)) sent = await service.getWebhookDelivery({ webhookDeliveryId });
  if (!printedAsJson(cli, WebhookDeliverySchema, sent)) cli.print(resultOf(sent));
  if (sent.outcome !== Outcome.DELIVERED) throw new Error(`the endpoint did not take the test: ./mainstay webhooks delivery ${webhookDeliveryId} shows its tries`);
}

function resultOf({ lastTry }: WebhookDelivery): string {
  if (!lastTry) return 'not tried yet';
  const { problem, responseStatus, latencyMilliseconds, responseExcerpt } = lastTry;
  return `${problem || `taken, with ${responseStatus}`} (${latencyMilliseconds} ms)${responseExcerpt && `: ${responseExcerpt}`}`;
}

async function deliveries(cli: CommandTools, { org, endpoint, outcome: wanted, filter, limit }: DeliveriesOptions): Promise<void> {
  const service = await client(cli);
  const conditions = [endpoint && `webhook_endpoint_id = "${endpoint}"`, wanted && `outcome = ${wanted}`, filter && `(${filter})`].filter(Boolean).join(' AND ');
  const found: WebhookDelivery[] = [];
  let pageToken = '';
  do {
    const page = await service.listWebhookDeliveries({ orgId: org, filter: conditions, pageSize: Math.min(limit - found.length, 1000), pageToken });
    found.push(...page.webhookDeliveries);
    pageToken = page.nextPageToken;
  } while (pageToken && found.length < limit);
  if (found.length === 0 && !cli.json) return cli.print('no deliveries');
  cli.table(found.map((one) => ({ id: one.webhookDeliveryId, time: timeOf(one.createTime), event: one.eventType, endpoint: one.webhookEndpointId, outcome: Outcome[one.outcome].toLowerCase(), tries: String(one.attempts), 'last try': one.lastTry ? resultOf({ ...one, lastTry: { ...one.lastTry, responseExcerpt: '' } }) : '', 'next try': timeOf(one.nextTryTime) })));
  if (pageToken && !cli.json) cli.print(`and more: --limit ${limit * 2} shows them`);
}

async function delivery(cli: CommandTools, webhookDeliveryId: string): Promise<void> {
  const found = await (await client(cli)).getWebhookDelivery({ webhookDeliveryId });
  if (printedAsJson(cli, WebhookDeliverySchema, found)) return;
  cli.print(`${found.eventType} ${found.eventId} is ${Outcome[found.outcome].toLowerCase()}${found.nextTryTime ? `, tried again ${timeOf(found.nextTryTime)}` : ''}`);
  for (const one of found.tries) cli.print(`${timeOf(one.time)} ${resultOf({ ...found, lastTry: one })}`);
}

async function redeliver(cli: CommandTools, ids: readonly string[]): Promise<void> {
  const service = await client(cli);
  await withEach(cli, ids, (webhookDeliveryId) => service.redeliverWebhook({ webhookDeliveryId }), { result: 'webhookDeliveryIds', line: (id) => `${id} is sent again`, done: 'sent again' });
}

function outcome(text: string): string {
  if (!/^(pending|delivered|failed)$/i.test(text)) throw new InvalidArgumentError('It must be pending, delivered or failed.');
  return text.toUpperCase();
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}
