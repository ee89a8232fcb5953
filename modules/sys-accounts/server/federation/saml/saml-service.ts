import type { ServiceImpl } from '@connectrpc/connect';
import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { SamlService } from '../../../contract/index.ts';
import { wordsFor } from '../../oauth/pages/words.ts';
import type { Needs } from '../../needs.ts';
import { usableProvider } from '../external-logins.ts';
import { serviceMetadata } from './metadata.ts';
import { failedPage, goTo, noSuchProvider, notAllowed, type WebAnswer } from './saml-pages.ts';
import { SamlRefused } from './saml-refused.ts';
import { samlSide, type SamlSide } from './saml-settings.ts';
import { takeAnswer } from './take-answer.ts';
import { takeLogout } from './take-logout.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The endpoints of this platform as a SAML service provider. */
export function samlService(needs: Needs): ServiceImpl<typeof SamlService> {
  return {
    getSamlMetadata: (request) => answer(needs, request, ['GET', 'HEAD'], async (side) => ({ status: 200, headers: [{ name: 'content-type', value: 'application/samlmetadata+xml' }], body: Buffer.from(await serviceMetadata(side)) })),
    takeSamlAnswer: (request) => answer(needs, request, ['POST'], async (side) => goTo(await takeAnswer(needs, side, formOf(request)))),
    logOutBySaml: (request) => answer(needs, request, ['GET', 'POST'], (side) => takeLogout(needs, side, request, formOf(request))),
  };
}

/** Answers for the provider that the path names; with a page, and a line in the log, if what came is not taken. */
async function answer(needs: Needs, { method, target, headers }: WebRequest, methods: readonly string[], work: (side: SamlSide) => Promise<WebAnswer>): Promise<WebAnswer> {
  const words = wordsFor(headers.find(({ name }) => name === 'accept-language')?.value);
  const providerId = target.split('?', 1)[0]!.split('/')[2]!;
  const provider = uuid.test(providerId) ? await usableProvider(needs, providerId) : undefined;
  const side = provider && (await samlSide(needs, provider));
  if (!side) return noSuchProvider(needs, words);
  if (!methods.includes(method)) return notAllowed(methods);
  try {
    return await work(side);
  } catch (error) {
    if (!(error instanceof SamlRefused)) throw error;
    needs.log.warn({ identityProviderId: providerId, reason: error.reason }, `a SAML message is not taken: ${error.message}`);
    return failedPage(needs, words, side.provider.name, error);
  }
}

const formOf = ({ body }: WebRequest): URLSearchParams => new URLSearchParams(Buffer.from(body).toString('latin1'));
