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
  return {
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
