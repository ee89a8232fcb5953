/** The password of every demo account, in phases D and T. */
const DEMO_PASSWORD = 'mainstay-demo';

/** Signs in as a demo account, over REST, and gives an access token. */
export async function signIn(address: string, email: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(`${address}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email, password: DEMO_PASSWORD }), ...(signal && { signal }) });
  const body = (await response.json()) as { accessToken: string };
  if (!response.ok) throw new Error(`${email} could not sign in: ${JSON.stringify(body)}`);
  return body.accessToken;
}
