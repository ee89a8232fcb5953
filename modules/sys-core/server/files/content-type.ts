/** Kinds of text that a sender's word is taken for; the content cannot tell them apart. */
const textual = /^(text\/[\w.+-]+|application\/(json|ld\+json|yaml|x-yaml|x-ndjson|sql|toml|rtf|pgp-signature)|message\/rfc822)$/;
/** Types that a browser may run as its own, or that hold what it may run. */
const active = /^(text\/(html|xml|css|javascript|ecmascript)|image\/svg\+xml|application\/(xhtml\+xml|xml|javascript|ecmascript|x-javascript|wasm|x-shockwave-flash)|.*\+xml|multipart\/.*)$/;
/** Types that cannot run, so that a browser may show them in place. */
const harmless = /^(image\/(png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain)$/;
/** How pages begin, as browsers recognise them (WHATWG MIME Sniffing §7.1). */
const html = /<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|img|object|embed|link|meta|form)[\s>/]/i;
// Form feed and escape are in old text files.
const binary = /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]/;

/**
 * The type of a content by its first bytes. What is recognised is told by its content, whatever the sender declared;
 * what is text has the declared type if that is a kind of text; anything else is unknown.
 */
export async function contentType(head: Uint8Array, declared: string): Promise<string> {
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  const text = textIn(head);
  if (text === undefined || (found && !/xml|text|rtf/.test(found.mime))) return found?.mime ?? 'application/octet-stream';
  if (text.trimStart().startsWith('<') || html.test(text.slice(0, 1024))) {
    if (/<svg[\s>]/i.test(text)) return 'image/svg+xml';
    if (html.test(text)) return 'text/html';
    return found?.mime ?? 'application/xml';
  }
  const said = declared.split(';', 1)[0]!.trim().toLowerCase();
  return textual.test(said) ? said : (found?.mime ?? 'text/plain');
}

/** The text that the bytes are, up to a character that is cut; nothing if they are none. */
function textIn(head: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return binary.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** How a type is served: what could run comes as unknown bytes, and only what cannot is shown in place. */
export function servedAs(type: string): { type: string; inline: boolean } {
  if (active.test(type)) return { type: 'application/octet-stream', inline: false };
  return { type: type.startsWith('text/') ? `${type}; charset=utf-8` : type, inline: harmless.test(type) };
}
