import { isObject } from './read-value.ts';
import { readBody } from './read-resource.ts';
import { scimErrors } from './scim-errors.ts';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const mostOperations = 1000;

/** One step of a change (RFC 7644 §3.5.2). */
export interface PatchOperation {
  op: 'add' | 'replace' | 'remove';
  /** Absent: `value` is an object with the attributes to change. */
  path?: string;
  value?: unknown;
}

/** Reads the body of a PATCH; the names of operations have letters as they like, since some directories write `Add`. */
export function readPatch(body: Uint8Array): PatchOperation[] {
  const given = readBody(body, patchSchema);
  const operations = Object.entries(given).find(([name]) => name.toLowerCase() === 'operations')?.[1];
  if (!Array.isArray(operations) || operations.length === 0) throw scimErrors.invalidSyntax('Operations is an array with at least one operation');
  if (operations.length > mostOperations) throw scimErrors.invalidValue(`at most ${mostOperations} operations are done at once`);
  return operations.map(readOperation);
}

function readOperation(given: unknown): PatchOperation {
  if (!isObject(given)) throw scimErrors.invalidSyntax('an operation is an object');
  const { op, path, value } = given;
  const name = typeof op === 'string' ? op.toLowerCase() : '';
  if (name !== 'add' && name !== 'replace' && name !== 'remove') throw scimErrors.invalidSyntax('op is add, replace or remove');
  if (path !== undefined && path !== null && typeof path !== 'string') throw scimErrors.invalidPath('path is a text');
  if (name === 'remove' && !path) throw scimErrors.noTarget('remove needs a path');
  if (name !== 'remove' && value === undefined) throw scimErrors.invalidValue(`${name} needs a value`);
  return { op: name, ...(path && { path }), ...(value !== undefined && { value }) };
}

/** An operation without a path as one for each attribute that it names; some directories name parts of attributes too, such as `name.givenName`. */
export function withPaths(operation: PatchOperation): (PatchOperation & { path: string })[] {
  if (operation.path !== undefined) return [operation as PatchOperation & { path: string }];
  if (!isObject(operation.value)) throw scimErrors.invalidValue('without a path the value is an object with the attributes to change');
  return Object.entries(operation.value).flatMap(([path, value]) => (ofServer.has(path.toLowerCase()) ? [] : [{ op: operation.op, path, value }]));
}

/** Some directories send them back. */
const ofServer: ReadonlySet<string> = new Set(['schemas', 'id', 'meta']);
