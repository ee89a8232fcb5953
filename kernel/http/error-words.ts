import { getOption, hasOption, type DescMethod } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { web_errors as webErrors, WebErrors } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { FastifyRequest } from 'fastify';

const wordsKey = Symbol('in whose words errors of a request are told');
type WordedRequest = FastifyRequest & { [wordsKey]?: WebErrors };

/** From now on errors of a request are told as the protocol of a method does. */
export function useWordsOf(request: FastifyRequest, method: DescMethod): void {
  if (hasOption(method, webErrors)) (request as WordedRequest)[wordsKey] = getOption(method, webErrors);
}

/** The body that tells of an error, and its type. `problem` is its problem document. */
export function errorBody(request: FastifyRequest, problem: { status: number; detail: string }, error: ConnectError): { type: string; text: string } {
  if ((request as WordedRequest)[wordsKey] !== WebErrors.SCIM) return { type: 'application/problem+json', text: JSON.stringify(problem) };
  const scimType = error.findDetails(ErrorInfoSchema)[0]?.metadata.scimType;
  // RFC 7644 §3.12: the status is a text.
  return { type: 'application/scim+json', text: JSON.stringify({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(problem.status), ...(scimType && { scimType }), detail: problem.detail }) };
}
