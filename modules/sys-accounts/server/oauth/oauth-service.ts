import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ServiceImpl } from '@connectrpc/connect';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { OAuthService } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { answerWeb } from './answer-web.ts';
import { interact } from './interactions.ts';
import { loginStyle } from './pages/layout.ts';
import { passkeyScript } from './pages/passkey-script.ts';
import { CurrentProvider } from './current-provider.ts';

/** The provider's endpoints. All that they write is one transaction, as of any command. */
export function oauthService(needs: Needs): ServiceImpl<typeof OAuthService> {
  const current = new CurrentProvider(needs);
  const byProvider = async (request: WebRequest) => answerWeb((await current.get()).listener, request, needs.deployment.address);
  return {
    getProvider: (request) => (request.target.startsWith('/oauth2/pages/') ? pageFile(request) : byProvider(request)),
    getUserinfo: byProvider,
    introspectToken: byProvider,
    authorize: byProvider,
    async interact(request) {
      const { provider } = await current.get();
      return answerWeb(listening((req, res) => interact(needs, provider, req, res, Buffer.from(request.body).toString())), request, needs.deployment.address);
    },
    pushAuthorizationRequest: byProvider,
    issueToken: byProvider,
    revokeToken: byProvider,
    authorizeDevice: byProvider,
    enterDeviceCode: (request) => byProvider(request.method === 'GET' ? { ...request, target: offeringCode(request.target) } : request),
    endSession: byProvider,
  };
}

/** The provider would have a script send a code that stands in the address (RFC 8628, 3.3.1); our page fills it in instead, and asks. */
const offeringCode = (target: string): string => target.replace(/([?&])user_code=/, '$1offered_code=');

/** What fails is not lost in a listener that nobody waits for: the connection that it stands for ends, and the call with it. */
const listening = (work: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener => (request, response) => {
  work(request, response).catch((error: unknown) => response.destroy(error as Error));
};

const files = new Map([
  ['/oauth2/pages/login.css', { type: 'text/css', text: loginStyle }],
  ['/oauth2/pages/passkey.js', { type: 'text/javascript', text: passkeyScript }],
]);

function pageFile({ target }: WebRequest) {
  const file = files.get(target.split('?', 1)[0]!);
  if (!file) return { status: 404 };
  return { status: 200, headers: [{ name: 'content-type', value: `${file.type}; charset=utf-8` }, { name: 'cache-control', value: 'public, max-age=300' }], body: Buffer.from(file.text) };
}
