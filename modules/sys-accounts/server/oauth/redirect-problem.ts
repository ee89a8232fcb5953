/** What is wrong with an address that browsers are sent to, if something is (RFC 9700, 2.1; RFC 8252, 7): `onDevices` allows what only programs on people's devices listen at. */
export function redirectProblem(text: string, onDevices: boolean): string | undefined {
  const url = URL.parse(text);
  if (!url) return `${text} is no absolute address`;
  if (url.hash !== '' || text.includes('#')) return `${text} has a fragment`;
  if (url.username !== '' || url.password !== '') return `${text} holds a user or a password`;
  if (text.includes('*')) return `${text} holds an asterisk: name each address in full`;
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:') return isLoopback(url) ? undefined : `${text} is sent in the clear: use https, or http to 127.0.0.1, [::1] or localhost`;
  if (!onDevices) return `${text} is neither https nor http to this machine`;
  // A scheme of a program's own is a domain name turned round, so that two programs hardly have the same (RFC 8252, 7.1).
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol) ? undefined : `${text} has a scheme that others may have, too: use one such as com.example.app`;
}

const isLoopback = ({ hostname }: URL): boolean => hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
