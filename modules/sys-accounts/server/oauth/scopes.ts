/** What may be asked for: claims about the person (OpenID Connect Core 1.0, 5.4), and calls of this platform on the person's behalf. */
export const claimsOfScopes = {
  openid: ['sub', 'acr', 'amr', 'auth_time'],
  email: ['email', 'email_verified'],
  profile: ['name', 'locale', 'zoneinfo', 'picture', 'updated_at'],
  roles: ['roles'],
};

/** Scopes of access tokens for this platform: everything that the person may do, or only to read it. */
export const resourceScopes = ['api', 'api:read'] as const;

export const allScopes = [...Object.keys(claimsOfScopes), 'offline_access', ...resourceScopes];
