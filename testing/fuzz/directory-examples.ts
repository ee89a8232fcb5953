import fc, { type Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const [olga, root] = ['olga@acme.test', 'root@mainstay.test'];
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const anyOf = <T>(caller: string, from: readonly T[], treeOf: (item: T) => Example['tree']): Arbitrary<Example> => fc.constantFrom(...from).map((item) => ({ caller, tree: treeOf(item) }));

/** Requests about what an org has at home: domains, groups and people. */
export async function directoryExamples(ask: Ask): Promise<Examples> {
  const claim = async (domain: string) => (await ask(olga!, '/v1/emailDomains', { domain })).emailDomainId as string;
  const [own, removed] = [await Promise.all(times(3).map((at) => claim(`own-${at}.acme.test`))), await Promise.all(times(60).map((at) => claim(`removed-${at}.acme.test`)))];
  for (const id of own) await ask(root!, `/v1/emailDomains/${id}:vouch`, {});
  const mappings = await Promise.all(times(60).map(async (at) => (await ask(olga!, '/v1/groupMappings', { groupName: `group ${at}`, role: 'USER' })).groupMappingId as string));
  const scim = (method: string, path: string, body?: object) => ({ method, target: `/scim/v2${path}`, headers: [{ name: 'content-type', value: 'application/scim+json' }], body: body ? Buffer.from(JSON.stringify(body)).toString('base64') : '' });
  const [person, group, patch] = [(userName: string) => ({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName }), (displayName: string) => ({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName }), (Operations: object[]) => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })];
  const newest = (type: string, body: (name: string) => object, count: number, name: (at: number) => string) => Promise.all(times(count).map(async (at) => (await ask(olga!, `/scim/v2/${type}`, body(name(at)))).id as string));
  const [people, leavers] = [await newest('Users', person, 3, (at) => `person-${at}@own-0.acme.test`), await newest('Users', person, 60, (at) => `leaver-${at}@own-0.acme.test`)];
  const [groups, ended] = [await newest('Groups', group, 3, (at) => `kept ${at}`), await newest('Groups', group, 60, (at) => `ended ${at}`)];
  return {
    GetConfiguration: anyOf(olga!, ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas'], (path) => scim('GET', path)),
    ReadUsers: anyOf(olga!, ['/Users', '/Users?filter=active%20eq%20true', `/Users/${people[0]!}`], (path) => scim('GET', path)),
    CreateUser: fc.uuid().map((unique) => ({ caller: olga!, tree: scim('POST', '/Users', person(`${unique}@own-0.acme.test`)) })),
    ReplaceUser: anyOf(olga!, [0, 1, 2], (at) => scim('PUT', `/Users/${people[at]!}`, { ...person(`person-${at}@own-0.acme.test`), displayName: 'another' })),
    PatchUser: anyOf(olga!, people, (id) => scim('PATCH', `/Users/${id}`, patch([{ op: 'replace', path: 'displayName', value: 'another' }]))),
    DeleteUser: anyOf(olga!, leavers, (id) => scim('DELETE', `/Users/${id}`)),
    ReadGroups: anyOf(olga!, ['/Groups', '/Groups?filter=displayName%20sw%20%22k%22', `/Groups/${groups[0]!}`], (path) => scim('GET', path)),
    CreateGroup: fc.uuid().map((unique) => ({ caller: olga!, tree: scim('POST', '/Groups', group(unique)) })),
    ReplaceGroup: anyOf(olga!, [0, 1, 2], (at) => scim('PUT', `/Groups/${groups[at]!}`, { ...group(`kept ${at}`), members: [{ value: people[0] }] })),
    PatchGroup: anyOf(olga!, groups, (id) => scim('PATCH', `/Groups/${id}`, patch([{ op: 'add', path: 'members', value: [{ value: people[1] }] }]))),
    DeleteGroup: anyOf(olga!, ended, (id) => scim('DELETE', `/Groups/${id}`)),
    CreateEmailDomain: fc.uuid().map((unique) => ({ caller: olga!, tree: { emailDomain: { domain: `${unique}.test` } } })),
    GetEmailDomain: anyOf(olga!, own, (emailDomainId) => ({ emailDomainId })),
    ListEmailDomains: anyOf(olga!, [0, 1, 50], (pageSize) => ({ pageSize })),
    VerifyEmailDomain: anyOf(olga!, own, (emailDomainId) => ({ emailDomainId })),
    VouchForEmailDomain: anyOf(root!, own, (emailDomainId) => ({ emailDomainId })),
    DeleteEmailDomain: anyOf(olga!, removed, (emailDomainId) => ({ emailDomainId })),
    CreateGroupMapping: fc.uuid().map((groupName) => ({ caller: olga!, tree: { groupMapping: { groupName, role: 'USER' } } })),
    ListGroupMappings: anyOf(olga!, [0, 1, 50], (pageSize) => ({ pageSize })),
    DeleteGroupMapping: anyOf(olga!, mappings, (groupMappingId) => ({ groupMappingId })),
  };
}
