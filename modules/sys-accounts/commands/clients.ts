import { readFileSync } from 'node:fs';
import { toJson, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { withEach, type CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { ClientAuthentication, ClientGrant, CreateOAuthClientResponseSchema, OAuthClientSchema, OAuthClientsService, Role, RotateOAuthClientSecretResponseSchema, type OAuthClient } from '../contract/index.ts';

/** What can be said of a client on the command line; absent is what is not to change. */
interface Given {
  name?: string;
  grant?: ClientGrant[];
  redirect?: string[];
  logoutRedirect?: string[];
  logoutUri?: string;
  keys?: string;
  role?: Role;
  scope?: string[];
  dpop?: boolean;
  pushed?: boolean;
}

const grants: Record<string, ClientGrant> = { code: ClientGrant.AUTHORIZATION_CODE, device: ClientGrant.DEVICE_CODE, credentials: ClientGrant.CLIENT_CREDENTIALS, exchange: ClientGrant.TOKEN_EXCHANGE };
const proofs: Record<string, ClientAuthentication> = { secret: ClientAuthentication.CLIENT_SECRET_BASIC, 'secret-in-body': ClientAuthentication.CLIENT_SECRET_POST, keys: ClientAuthentication.PRIVATE_KEY_JWT, none: ClientAuthentication.NONE };
const serviceRoles: Record<string, Role> = { user: Role.USER, admin: Role.ADMIN };

/** Adds the commands for the applications that log people in, or call this platform, by OAuth 2.0. */
export default function clients(group: Command, cli: CommandTools): void {
  group.description('Look after the applications of your org that log people in or call this platform (OAuth 2.0, OpenID Connect).');
  const add = described(group.command('add <name>').summary('make a client; shows its secret, this once'))
    .option('--proof <how>', `how it proves who it is: ${Object.keys(proofs).join(', ')}`, oneOf(proofs), ClientAuthentication.CLIENT_SECRET_BASIC);
  add.action((name: string, { proof, ...given }: Given & { proof: ClientAuthentication }) => create(cli, { ...fieldsOf(given), name, authentication: proof }));
  group.command('list').summary('list clients').option('--filter <filter>', 'which ones, such as \'disabled = true\'', '').option('--limit <count>', 'how many at most', count, 50).action((which: Which) => list(cli, which));
  group.command('show <client>').summary('show a client').action((id: string) => show(cli, id));
  described(group.command('change <client>').summary('change a client: what is named replaces what it has').option('--name <name>', 'what people are told that it is called'))
    .action((id: string, given: Given) => change(cli, id, { ...fieldsOf(given), ...(given.name !== undefined && { name: given.name }) }));
  group.command('enable <client>').summary('let a client work again').action((id: string) => change(cli, id, { disabled: false }));
  group.command('disable <client>').summary('let a client do nothing; what it was granted rests').action((id: string) => change(cli, id, { disabled: true }));
  group.command('rotate <client>').summary('give a client another secret; shows it, this once').action((id: string) => rotate(cli, id));
  group.command('remove <client...>').summary('remove clients, and end all sessions that they were granted').action((ids: string[]) => remove(cli, ids));
}

interface Which {
  filter: string;
  limit: number;
}

const described = (command: Command): Command => command
  .option('--grant <how...>', `how it gets tokens: ${Object.keys(grants).join(', ')}`, several(grants))
  .option('--redirect <address...>', 'where the browser may be sent back to')
  .option('--logout-redirect <address...>', 'where the browser may be sent to after a logout')
  .option('--logout-uri <address>', 'where it is told of logouts; empty for nowhere')
  .option('--keys <file>', 'its public keys, a JSON Web Key Set')
  .option('--role <role>', `what it may do by itself: ${Object.keys(serviceRoles).join(', ')}`, oneOf(serviceRoles))
  .option('--scope <scope...>', 'the scopes that it may ask for; all if absent')
  .option('--dpop', 'bind all its tokens to a key of its own')
  .option('--no-dpop', 'do not')
  .option('--pushed', 'have it push what it asks for before the browser goes there')
  .option('--no-pushed', 'do not');

type Fields = Exclude<MessageInitShape<typeof OAuthClientSchema>, MessageShape<typeof OAuthClientSchema>>;

function fieldsOf({ grant, redirect, logoutRedirect, logoutUri, keys, role, scope, dpop, pushed }: Given): Fields {
  const fields = { grants: grant, redirectUris: redirect, postLogoutRedirectUris: logoutRedirect, backchannelLogoutUri: logoutUri, jwks: keys === undefined ? undefined : readFileSync(keys, 'utf8'), serviceRole: role, scopes: scope, requiresDpop: dpop, requiresPushedRequests: pushed };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const client = (cli: CommandTools) => cli.client(OAuthClientsService);

function printedAsJson<M extends DescMessage>(cli: CommandTools, schema: M, message: MessageShape<M>): boolean {
  if (cli.json) cli.print(JSON.stringify(toJson(schema, message), null, 2));
  return cli.json;
}

async function create(cli: CommandTools, oauthClient: Fields): Promise<void> {
  const made = await (await client(cli)).createOAuthClient({ oauthClient });
  if (printedAsJson(cli, CreateOAuthClientResponseSchema, made)) return;
  cli.print(`client_id      ${made.oauthClient!.oauthClientId}`);
  if (made.clientSecret) cli.print(`client_secret  ${made.clientSecret}   (shown this once)`);
}

async function list(cli: CommandTools, { filter, limit }: Which): Promise<void> {
  const { oauthClients, nextPageToken } = await (await client(cli)).listOAuthClients({ filter, pageSize: limit });
  if (oauthClients.length === 0 && !cli.json) return cli.print('no clients');
  cli.table(oauthClients.map((one) => ({ id: one.oauthClientId, name: one.name, grants: one.grants.map((grant) => nameOf(grants, grant)).join(' '), proof: nameOf(proofs, one.authentication), state: one.disabled ? 'disabled' : 'enabled', made: timestampDate(one.createTime!).toISOString() })));
  if (nextPageToken && !cli.json) cli.print(`and more: --limit ${Math.min(limit * 2, 1000)} shows them`);
}

async function show(cli: CommandTools, oauthClientId: string): Promise<void> {
  shown(cli, await (await client(cli)).getOAuthClient({ oauthClientId }));
}

async function change(cli: CommandTools, oauthClientId: string, fields: Fields): Promise<void> {
  const paths = OAuthClientSchema.fields.filter(({ localName }) => localName in fields).map(({ name }) => name);
  if (paths.length === 0) throw new InvalidArgumentError('Say what to change.');
  shown(cli, await (await client(cli)).updateOAuthClient({ oauthClient: { ...fields, oauthClientId }, updateMask: { paths } }));
}

function shown(cli: CommandTools, one: OAuthClient): void {
  if (printedAsJson(cli, OAuthClientSchema, one)) return;
  const facts = {
    client_id: one.oauthClientId,
    name: one.name,
    state: one.disabled ? 'disabled' : 'enabled',
    grants: one.grants.map((grant) => nameOf(grants, grant)).join(' '),
    proof: nameOf(proofs, one.authentication),
    redirects: one.redirectUris.join(' '),
    'after logout': one.postLogoutRedirectUris.join(' '),
    'told of logouts': one.backchannelLogoutUri,
    role: one.serviceRole === Role.ROLE_UNSPECIFIED ? '' : nameOf(serviceRoles, one.serviceRole),
    scopes: one.scopes.join(' '),
    demands: [...(one.requiresDpop ? ['dpop'] : []), ...(one.requiresPushedRequests ? ['pushed requests'] : [])].join(', '),
  };
  for (const [fact, text] of Object.entries(facts)) if (text) cli.print(`${fact.padEnd(16)} ${text}`);
}

async function rotate(cli: CommandTools, oauthClientId: string): Promise<void> {
  const rotated = await (await client(cli)).rotateOAuthClientSecret({ oauthClientId });
  if (!printedAsJson(cli, RotateOAuthClientSecretResponseSchema, rotated)) cli.print(`client_secret  ${rotated.clientSecret}   (shown this once; the one before is good for nothing)`);
}

async function remove(cli: CommandTools, ids: readonly string[]): Promise<void> {
  const service = await client(cli);
  await withEach(cli, ids, (oauthClientId) => service.deleteOAuthClient({ oauthClientId }), { result: 'oauthClientIds', line: (id) => `${id} removed`, done: 'removed' });
}

const nameOf = <T>(names: Record<string, T>, value: T): string => Object.keys(names).find((name) => names[name] === value) ?? '';

const oneOf = <T>(names: Record<string, T>) => (text: string): T => {
  if (!Object.hasOwn(names, text)) throw new InvalidArgumentError(`It must be ${Object.keys(names).join(' or ')}.`);
  return names[text]!;
};

const several = <T>(names: Record<string, T>) => (text: string, before: T[] | undefined): T[] => [...(before ?? []), oneOf(names)(text)];

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
  return Number(text);
}
