/** Whether a permission pattern of an access rule covers a permission: equal, or `a.b.*` over anything below `a.b`. */
export const grants = (pattern: string, permission: string): boolean =>
  pattern === permission || (pattern.endsWith('.*') && permission.startsWith(pattern.slice(0, -1)));
