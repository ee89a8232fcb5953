import type { ServiceImpl } from '@connectrpc/connect';
import type { ScimService } from '../../contract/index.ts';
import type { Needs } from '../needs.ts';
import { answer, answerList, queryOf } from './answer.ts';
import type { Json } from './attribute.ts';
import { resourceTypes, schemas, serviceProviderConfig } from './describe.ts';
import { groupMethods } from './group-methods.ts';
import { scimErrors } from './scim-errors.ts';
import { userMethods } from './user-methods.ts';

/** SCIM 2.0: what an org's directory does with its people and groups. All that a request changes is one transaction. */
export function scimService(needs: Needs): ServiceImpl<typeof ScimService> {
  const base = `${needs.deployment.address}/scim/v2`;
  return {
    ...userMethods(needs),
    ...groupMethods(needs),

    getConfiguration(request) {
      // So that nobody takes a part for the whole (RFC 7644 §4).
      if (queryOf(request).has('filter')) throw scimErrors.invalidFilter('what is offered is not filtered');
      const { pathname } = new URL(`http://localhost${request.target}`);
      const [kind = '', ...rest] = pathname.split('/').slice(3).map(decoded);
      const id = rest.join('/');
      if (kind === 'ServiceProviderConfig' && id === '') return answer(200, serviceProviderConfig(base));
      const all = kind === 'ResourceTypes' ? resourceTypes(base) : kind === 'Schemas' ? schemas(base) : undefined;
      if (!all) throw scimErrors.notFound('SCIM resource at', pathname);
      if (id === '') return answerList(all, all.length, 1);
      return answer(200, all.find((one) => one.id === id) ?? missing(kind, id));
    },
  };
}

function missing(kind: string, id: string): Json {
  throw scimErrors.notFound(kind === 'Schemas' ? 'schema' : 'resource type', id);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
