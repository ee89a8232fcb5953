import assert from 'node:assert/strict';
import { emailsTo, until, type TestDeployment } from '@mainstay/testing';

/** The newest e-mail to an address whose template has this name, waited for: what it says, and the tokens of its links. */
export async function mailTo(deployment: TestDeployment, address: string, template: string): Promise<{ subject: string; text: string; tokens: string[] }> {
  const ofTemplate = async () => (await emailsTo(deployment, address)).filter((email) => email.template === `sys-accounts/${template}`);
  await until(async () => (await ofTemplate()).length > 0, `an e-mail ${template} comes to ${address}`);
  const { subject, text } = (await ofTemplate()).at(-1)!;
  return { subject, text, tokens: [...text.matchAll(/#([\w.-]+)/g)].map(([, token]) => token!) };
}

/** The token of the only link in the newest e-mail of a template. */
export async function tokenTo(deployment: TestDeployment, address: string, template: string): Promise<string> {
  const { tokens, text } = await mailTo(deployment, address, template);
  assert.equal(tokens.length, 1, text);
  return tokens[0]!;
}

/** How many e-mails of a template came to an address. */
export const countTo = async (deployment: TestDeployment, address: string, template: string): Promise<number> => (await emailsTo(deployment, address)).filter((email) => email.template === `sys-accounts/${template}`).length;
