// How pages of this deployment act for a person: by a code with PKCE (RFC 6749, 7636), as any other application. Tokens last as long as the tab.
const clientId = 'mainstay-pages';
const redirectUri = new URL('/apps/sys-accounts/signed-in.html', location.origin).href;
const [tokensKey, underWayKey] = ['mainstay tokens', 'mainstay login'];

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const kept = (key) => JSON.parse(sessionStorage.getItem(key) ?? 'null');
const keep = (key, value) => sessionStorage.setItem(key, JSON.stringify(value));

/** Leads to the login, which leads back to this page. `anew`: also who is logged in proves it again. */
export async function signIn({ anew = false } = {}) {
  if (!crypto.subtle) throw new Error('Browsers let pages log in over HTTPS, or at localhost, alone: open this one there.');
  const login = { state: random(), verifier: random(), back: location.pathname };
  keep(underWayKey, login);
  const challenge = base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(login.verifier))));
  const query = { client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope: 'openid email api', state: login.state, code_challenge: challenge, code_challenge_method: 'S256', ...(anew && { prompt: 'login' }) };
  location.assign(`/oauth2/authorize?${new URLSearchParams(query)}`);
  // The page is left.
  return new Promise(() => {});
}

/** Trades the code that the login came back with; gives the page that began it. */
export async function finishSignIn() {
  const login = kept(underWayKey);
  const answer = new URLSearchParams(location.search);
  sessionStorage.removeItem(underWayKey);
  if (!login) throw new Error('This login is over. Open the page anew that you came from.');
  if (answer.get('state') !== login.state || answer.get('iss') !== location.origin) throw new Error('This is the answer to another login. Open the page anew that you came from.');
  if (answer.has('error')) throw new Error(answer.get('error') === 'access_denied' ? 'You did not log in.' : (answer.get('error_description') ?? answer.get('error')));
  await fetchTokens({ grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: redirectUri, code_verifier: login.verifier });
  return login.back;
}

/** Calls the API; throws with what a person can read. Leads to the login where nobody is signed in. */
export async function call(path, { method = 'GET', body } = {}) {
  const tokens = kept(tokensKey);
  if (!tokens || tokens.expires < Date.now()) return signIn();
  const response = await fetch(path, { method, headers: { authorization: `Bearer ${tokens.accessToken}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) });
  if (response.status === 401) return signIn();
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const problems = (answer.errors ?? []).map(({ detail }) => detail).filter(Boolean);
  throw Object.assign(new Error(problems.length > 0 ? problems.join('; ') : (answer.detail ?? answer.title)), { reason: answer.reason });
}

/** Ends the session, here and at the provider. */
export async function signOut() {
  await call('/v1/sessions/current', { method: 'DELETE' }).catch(() => {});
  sessionStorage.removeItem(tokensKey);
  location.assign('/oauth2/logout');
}

async function fetchTokens(params) {
  const response = await fetch('/oauth2/token', { method: 'POST', body: new URLSearchParams({ client_id: clientId, ...params }) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error_description ?? answer.error);
  keep(tokensKey, { accessToken: answer.access_token, expires: Date.now() + (answer.expires_in - 10) * 1000 });
}
