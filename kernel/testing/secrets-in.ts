/** What opens something, told by its form. Passwords that tests use have none, so they are named. */
const forms: Readonly<Record<string, RegExp>> = {
  'a JSON Web Token': /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{20,}/g,
  'an API key': /\bmst_[0-9a-f]{32}_[\w-]{20,}/g,
  'a private key': /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\\?"d\\?":\s?\\?"[\w-]{20,}/g,
  'credentials of a header': /\b(?:Bearer|DPoP|Basic) [\w+/=.-]{20,}/g,
  'a hash of a password': /\$argon2id\$\S+/g,
  'a password': /mainstay-demo|correct horse battery/g,
};

/** The secrets that a text shows, each as what it is and the line, in which it is blotted out. */
export const secretsIn = (text: string): string[] =>
  text.split('\n').flatMap((line) => Object.entries(forms).flatMap(([kind, form]) => {
    const blotted = line.replace(form, '▇');
    return blotted === line ? [] : [`${kind}: ${blotted.slice(0, 500)}`];
  }));
