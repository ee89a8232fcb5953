import type { PathTemplate } from '../rest/path-template.ts';

/** A path as OpenAPI writes it: every wildcard a parameter in braces. */
export interface OpenApiPath {
  path: string;
  /** The parameters in order. */
  parameters: { name: string; /** The request field it fills, or fills a part of. */ field?: string; /** It may hold slashes. */ rest: boolean }[];
}

/**
 * Writes a template for OpenAPI, which knows no patterns inside of a variable: `/v1/{name=shelves/*}` becomes `/v1/shelves/{shelves_id}`.
 * Equal paths get equal names whatever their fields are called, since OpenAPI takes `/a/{x}` and `/a/{y}` for one path.
 */
export function openApiPath({ segments, variables, verb }: PathTemplate): OpenApiPath {
  const parameters: OpenApiPath['parameters'] = [];
  const parts = segments.map((segment, index) => {
    if (segment !== '*' && segment !== '**') return segment;
    const variable = variables.find(({ start, end }) => index >= start && index < (end ?? segments.length));
    const alone = variable && !(variable.multiple && segments.length - variable.start > 1);
    const wanted = alone ? variable.field.split('.').at(-1)! : `${segments[index - 1]?.replace(/\W/g, '_') ?? 'path'}_id`;
    const name = parameters.some((parameter) => parameter.name === wanted) ? `${wanted}_${index}` : wanted;
    parameters.push({ name, rest: segment === '**', ...(variable && { field: variable.field }) });
    return `{${name}}`;
  });
  return { path: `/${parts.join('/')}${verb && `:${verb}`}`, parameters };
}

/** What two paths have in common that differ only in their parameters' names. */
export const shapeOf = (path: string): string => path.replace(/\{[^}]*\}/g, '{}');
