import { emailsTo, until, type TestDeployment } from '@mainstay/testing';
import fc, { type Arbitrary } from 'fast-check';
import type { Example } from './any-case.ts';
import type { Ask, Examples } from './ask.ts';

const password = 'mainstay-demo';
const times = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const anyOf = <T>(caller: string, from: readonly T[], treeOf: (item: T) => Example['tree']): Arbitrary<Example> => fc.constantFrom(...from).map((item) => ({ caller, tree: treeOf(item) }));

/** Requests for methods that take a token out of an e-mail. */
export async function accountExamples(deployment: TestDeployment, ask: Ask): Promise<Examples> {
  const fresh = times(3).map((at) => `fresh-${at}@acme.test`);
  const forgetful = times(3).map((at) => `forgetful-${at}@acme.test`);
  await Promise.all([...fresh, ...forgetful].map((email) => ask('', '/v1/accounts', { email, password })));
  await Promise.all(fresh.map((email) => ask('', '/v1/accounts:resendVerification', { email })));
  await Promise.all(forgetful.map((email) => ask('', '/v1/accounts:requestPasswordReset', { email })));
  const [verifying, resetting] = await Promise.all([fresh, forgetful].map((emails) => Promise.all(emails.map((email) => tokenTo(deployment, email)))));
  return {
    VerifyEmail: anyOf('', verifying!, (token) => ({ token, password })),
    ResendVerification: anyOf('', fresh, (email) => ({ email })),
    RequestPasswordReset: anyOf('', forgetful, (email) => ({ email })),
    ResetPassword: anyOf('', resetting!, (token) => ({ token, newPassword: password })),
  };
}

/** The token of the link in the first e-mail to an address. */
async function tokenTo(deployment: TestDeployment, email: string): Promise<string> {
  const first = await until(async () => (await emailsTo(deployment, email))[0], `an e-mail comes to ${email}`);
  return /#([\w.-]+)/.exec(first.text)![1]!;
}
