/**
 * How surely a person has proved who they are: the values of `acr` (OpenID Connect Core §2). By one factor, comparable to AAL1
 * of NIST SP 800-63B; by two, or by a passkey that verified its user, comparable to AAL2.
 */
export const assurance = { oneFactor: 'urn:mainstay:acr:1', twoFactors: 'urn:mainstay:acr:2' } as const;

/** The values of `acr` that there are, the least sure first. */
export const assuranceLevels: readonly string[] = Object.values(assurance);
