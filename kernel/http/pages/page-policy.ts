/** What a page may load: nothing but this server's own files; no frames, no plugins, no inline code. Its forms lead nowhere but to the sources that are named (CSP Level 3, `form-action`). */
export const pagePolicy = (formsLeadTo: readonly string[] = []): string =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action ${formsLeadTo.join(' ') || "'none'"}; frame-ancestors 'none'`;
