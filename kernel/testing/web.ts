import type { ServiceImpl } from '@connectrpc/connect';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import { currentCall } from '../guard/call.ts';
import type { WebService } from './contract/gen/mainstay/testing/v1/web_pb.js';

/** Answers with what it got, as JSON; two cookies show that a header may stand twice. */
export function webService(): ServiceImpl<typeof WebService> {
  return { answerWeb: answer, answerGuarded: answer, answerScim: answer };
}

function answer({ method, target, headers, body }: WebRequest) {
  const got = { method, target, headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])), body: Buffer.from(body).toString(), caller: currentCall().principal.kind };
  return {
    status: target.startsWith('/web/moved') ? 302 : 200,
    headers: [{ name: 'set-cookie', value: 'a=1; HttpOnly' }, { name: 'set-cookie', value: 'b=2; HttpOnly' }, { name: 'content-type', value: 'application/x-own+json' }, { name: 'location', value: 'https://elsewhere.test/' }],
    body: Buffer.from(JSON.stringify(got)),
  };
}
