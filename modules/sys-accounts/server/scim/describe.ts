import type { Attribute, Json, ResourceSchema } from './attribute.ts';
import { mostResults } from './list-request.ts';
import { groupSchema, userSchema } from './schemas.ts';

const types = [{ schema: userSchema, endpoint: '/Users' }, { schema: groupSchema, endpoint: '/Groups' }];

/** What is offered (RFC 7643 §5). */
export const serviceProviderConfig = (base: string): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: mostResults },
  changePassword: { supported: false },
  sort: { supported: true },
  etag: { supported: true },
  authenticationSchemes: [{ type: 'oauthbearertoken', name: 'Bearer token', description: 'An API key of an administrator of the org, or an access token of an OAuth client of the org with the role ADMIN (client credentials).', specUri: 'https://www.rfc-editor.org/info/rfc6750', primary: true }],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
});

/** The types of resources (RFC 7643 §6). */
export const resourceTypes = (base: string): Json[] =>
  types.map(({ schema, endpoint }) => ({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'], id: schema.name, name: schema.name, description: schema.description, endpoint, schema: schema.id, meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${schema.name}` } }));

/** What the resources are made of (RFC 7643 §7). */
export const schemas = (base: string): Json[] => types.map(({ schema }) => schemaResource(base, schema));

const schemaResource = (base: string, { id, name, description, attributes }: ResourceSchema): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
  id,
  name,
  description,
  // What every resource has is in no schema.
  attributes: attributes.filter((attribute) => attribute.name !== 'id' && attribute.name !== 'externalId' && attribute.name !== 'meta').map(attributeResource),
  meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
});

const attributeResource = (attribute: Attribute): Json => ({
  name: attribute.name,
  type: attribute.type,
  multiValued: attribute.multiValued ?? false,
  description: attribute.description,
  required: attribute.required ?? false,
  caseExact: attribute.caseExact ?? false,
  mutability: attribute.mutability ?? 'readWrite',
  returned: attribute.returned ?? 'default',
  uniqueness: attribute.uniqueness ?? 'none',
  ...(attribute.canonicalValues && { canonicalValues: attribute.canonicalValues }),
  ...(attribute.referenceTypes && { referenceTypes: attribute.referenceTypes }),
  ...(attribute.subAttributes && { subAttributes: attribute.subAttributes.map(attributeResource) }),
});
